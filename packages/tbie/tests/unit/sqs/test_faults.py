"""Intent on SQS while AWS refuses, loses answers, does half of a batch, or tells yesterday's numbers."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from packages.tbie.tests.unit.sqs.ground import SETTLE_MS, STAGES, Ground, new_ground
from tbie.backends.aws.client import Clients
from tbie.backends.aws.intent import SqsIntent
from tbie.core.clock import ManualClock
from tbie.core.errors import IntentUnavailableError
from tbie.core.reading import Known, Unknown
from tbie.intent import Claim, Defer, Delete, Release
from tbie.testing.aws.faults import Faults
from tbie.testing.aws.server import LocalServer
from tbie.testing.builders import RETENTION_S, envelope, key
from tbie.testing.conformance.hands import LEASE_S, claim, depth, dispose, names, present, take

COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


def test_what_is_sent_twice_because_an_answer_was_lost_is_served_once(ground: Ground) -> None:
    with Faults(ground.clients.sqs) as faults:
        faults.lose("SendMessageBatch")
        ground.intent.send([envelope("i1"), envelope("i2")])
    assert depth(ground.intent).visible == 4
    assert sorted(names(claim(ground.intent, 10))) == ["t1/i1", "t1/i2"]
    assert (depth(ground.intent).live, claim(ground.intent, 10)) == (2, [])


def test_of_a_batch_that_is_half_done_only_the_other_half_is_tried_again(ground: Ground) -> None:
    failed: list[str] = []

    def half(answer: dict[str, Any]) -> None:
        if not failed:
            entry = answer["Successful"].pop()
            failed.append(entry["Id"])
            answer["Failed"] = [{"Id": entry["Id"], "Code": "InternalError", "SenderFault": False}]

    with Faults(ground.clients.sqs) as faults:
        faults.answer("SendMessageBatch", half)
        assert ground.intent.send([envelope(f"i{n}") for n in range(4)]) == 4
        assert faults.calls["SendMessageBatch"] == 2
    assert len(claim(ground.intent, 10)) == 4, "the one that was done after all is told apart by the register"


def test_what_is_never_sent_is_told_and_what_was_is_kept(ground: Ground) -> None:
    def refuse_first(answer: dict[str, Any]) -> None:
        for entry in [entry for entry in answer.get("Successful", ()) if entry["Id"] == "0"]:
            answer["Successful"].remove(entry)
            answer["Failed"] = [{"Id": "0", "Code": "ServiceUnavailable", "Message": "later", "SenderFault": False}]

    with Faults(ground.clients.sqs) as faults:
        faults.answer("SendMessageBatch", refuse_first)
        with pytest.raises(IntentUnavailableError, match=r"1 of 2 not sent: .*i1.*ServiceUnavailable: later"):
            ground.intent.send([envelope("i1"), envelope("i2")])
    assert present(ground.intent, key("i1"), key("i2")).keys() == {key("i2")}


def test_a_message_is_served_although_the_register_has_not_heard_of_it(ground: Ground) -> None:
    with Faults(ground.clients.dynamodb) as faults:
        faults.refuse("BatchWriteItem", "ValidationException")
        with pytest.raises(IntentUnavailableError, match="writing 1 rows"):
            ground.intent.send([envelope()])
        assert names(claim(ground.intent)) == ["t1/i1"]


def test_sent_again_after_the_register_was_away_it_is_served_once(ground: Ground) -> None:
    with Faults(ground.clients.dynamodb) as faults:
        faults.refuse("BatchWriteItem", "ValidationException", times=1)
        with pytest.raises(IntentUnavailableError):
            ground.intent.send([envelope()])
    assert ground.intent.send([envelope()]) == 1
    message = take(ground.intent)
    assert (claim(ground.intent), message.receives) == ([], 1)


def test_work_goes_on_while_the_register_is_away_and_presence_is_unknown(ground: Ground) -> None:
    ground.intent.send([envelope("i1"), envelope("i2"), envelope("i3")])
    with Faults(ground.clients.dynamodb) as faults:
        for operation in ("BatchGetItem", "BatchWriteItem", "BatchExecuteStatement", "Query"):
            faults.deny(operation)
        first, second, third = claim(ground.intent, 3)
        dispose(ground.intent, Delete(first), Release(second), Defer(third, 0))
        assert sorted(m.receives for m in claim(ground.intent)) == [1, 2]
        reading = ground.intent.presence("a", [key()])
        assert isinstance(reading, Unknown)
        assert "AccessDenied" in reading.error
        with pytest.raises(IntentUnavailableError, match="AccessDenied"):
            ground.intent.release_owner("another")


def test_a_register_that_was_emptied_loses_nothing_and_says_nothing_is_there(ground: Ground) -> None:
    ground.intent.send([envelope("i1"), envelope("i2")])
    ground.forget_register()
    assert present(ground.intent, key("i1"), key("i2")) == {}
    assert ground.intent.send([envelope("i1", token="fresh")]) == 1
    served = claim(ground.intent)
    assert sorted(m.envelope.token for m in served) == ["a/t1/i2", "fresh"], (
        "the old one is superseded, the unknown one is not"
    )


def test_whoever_may_not_count_is_blind_and_can_still_send(aws_server: LocalServer) -> None:
    """The real refusal of a user who lacks the one permission (incident 8), not a patched client. Signatures of users have a
    date, so the server's clock must be right here."""
    ground = new_ground(aws_server, ManualClock())
    iam = ground.clients.of("iam")
    iam.create_user(UserName=ground.clients.place.prefix)
    # the local server asks for a permission named after the batch call; AWS for the one named after the single call
    actions = ["sqs:SendMessage", "sqs:SendMessageBatch", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "dynamodb:*"]
    allowed = {"Effect": "Allow", "Action": actions}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**allowed, "Resource": "*"}]})
    iam.put_user_policy(UserName=ground.clients.place.prefix, PolicyName="p", PolicyDocument=policy)
    made = iam.create_access_key(UserName=ground.clients.place.prefix)["AccessKey"]
    credentials = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
    clients = Clients(ground.clients.place, credentials=credentials)
    blind = SqsIntent(clients, ground.clock, RETENTION_S, STAGES)
    assert blind.send([envelope()]) == 1
    for reading in (blind.depth("a"), blind.presence("a", [key()])):
        assert isinstance(reading, Unknown)
        assert "sqs:GetQueueAttributes" in reading.error
    assert blind.expire() == 0, "the sweep goes on"
    assert isinstance(blind.presence("a", [key()]), Unknown)
    assert isinstance(ground.intent.presence("a", [key()]), Known), "somebody else may"
    clients.close()


def test_blindness_ends_with_its_cause(ground: Ground) -> None:
    ground.intent.send([envelope()])
    with Faults(ground.clients.sqs) as faults:
        faults.deny("GetQueueAttributes")
        ground.intent.expire()
        assert isinstance(ground.intent.presence("a", [key()]), Unknown)
    ground.intent.expire()
    assert present(ground.intent, key()).keys() == {key()}


def test_counts_of_a_minute_ago_are_concluded_from_by_nobody(ground: Ground) -> None:
    ground.intent.send([envelope(f"i{n}") for n in range(5)])
    ground.clock.advance_ms(2 * SETTLE_MS)

    def nothing(answer: dict[str, Any]) -> None:
        answer["Attributes"] |= dict.fromkeys(COUNTS, "0")

    with Faults(ground.clients.sqs) as faults:
        faults.answer("GetQueueAttributes", nothing)
        ground.intent.expire()
    for _ in range(5):
        ground.clock.advance_ms(SETTLE_MS)
        ground.intent.expire()
        assert len(present(ground.intent, *(key(f"i{n}") for n in range(5)))) == 5


def test_what_vanished_is_found_missing_by_the_second_look_and_all_is_done_in_the_end(ground: Ground) -> None:
    todo = {f"i{n}" for n in range(12)}
    ground.intent.send([envelope(name) for name in sorted(todo)])
    ground.lose(5)
    done: set[str] = set()
    most = 0
    for sweep in range(12):
        ground.clock.advance_ms(SETTLE_MS)
        ground.another().expire()  # each sweep in another process, as functions are
        found = present(ground.intent, *(key(name) for name in todo))
        missing = sorted(name for name in todo - done if key(name) not in found)
        if sweep == 1:
            assert len(missing) == 5
        ground.intent.send([envelope(name, token=f"{name}/{sweep}") for name in missing])
        most = max(most, depth(ground.intent).live)
        served = claim(ground.intent, 4)
        done |= {m.envelope.key.item for m in served}
        dispose(ground.intent, *(Delete(m) for m in served))
    assert done == todo
    assert most <= 12


def test_a_message_delivered_twice_in_one_answer_is_one(ground: Ground) -> None:
    def twice(answer: dict[str, Any]) -> None:
        answer["Messages"] = [*answer.get("Messages", ()), *copy.deepcopy(answer.get("Messages", []))]

    ground.intent.send([envelope("i1"), envelope("i2")])
    with Faults(ground.clients.sqs) as faults:
        faults.answer("ReceiveMessage", twice)
        assert sorted(names(claim(ground.intent, 2))) == ["t1/i1", "t1/i2"]


def test_at_the_ceiling_of_messages_in_flight_the_next_claim_is_served(ground: Ground) -> None:
    ground.intent.send([envelope("i1"), envelope("i2", stage="b")])
    with Faults(ground.clients.sqs) as faults:
        faults.refuse("ReceiveMessage", "OverLimit", times=1)
        wishes = tuple(Claim(stage, "w1", 5, LEASE_S, 3) for stage in ("a", "b"))
        assert names(ground.intent.exchange((), wishes)) == ["t1/i2"]


def test_a_second_purge_within_a_minute_is_refused_in_words(ground: Ground) -> None:
    with Faults(ground.clients.sqs) as faults:
        faults.refuse("PurgeQueue", "PurgeQueueInProgress")
        with pytest.raises(IntentUnavailableError, match=r"once in 60 s.*PurgeQueueInProgress"):
            ground.intent.purge("a")


def test_a_queue_that_is_missing_is_named(ground: Ground) -> None:
    queue = ground.clients.place.queue("a")
    ground.clients.sqs.delete_queue(QueueUrl=ground.url())
    reading = ground.another().depth("a")
    assert isinstance(reading, Unknown)
    assert queue in reading.error
    with pytest.raises(IntentUnavailableError, match=f"{queue}.*deploy it"):
        ground.another().send([envelope()])


def test_what_could_not_be_settled_may_be_settled_again(ground: Ground) -> None:
    ground.intent.send([envelope("i1"), envelope("i2")])
    first, second = claim(ground.intent, 2)
    with Faults(ground.clients.sqs) as faults:
        faults.refuse("DeleteMessageBatch", "ServiceUnavailable", 400)
        with pytest.raises(IntentUnavailableError):
            ground.intent.exchange((Delete(first), Release(second)), ())
    dispose(ground.intent, Delete(first), Release(second))
    (again,) = claim(ground.intent)
    assert (names([again]), again.receives) == (["t1/i2"], 1)
    dispose(ground.intent, Delete(again))
    ground.clock.advance_ms(2 * SETTLE_MS)
    assert claim(ground.intent) == []
    assert depth(ground.intent).live == 0
