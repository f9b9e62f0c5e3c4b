"""What lies in the queues: whoever put it there, however long it waits, wherever its worker is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from packages.tbie.tests.unit.sqs.ground import Ground
from tbie.backends.aws.copies import MAX_BODY_BYTES, Copy, to_body
from tbie.backends.aws.queues import LONGEST_RETENTION_S, create_queues, drift, plan_queue
from tbie.core.errors import SettingsError
from tbie.core.keys import Address
from tbie.core.refusal import Refusal
from tbie.core.settings import Settings
from tbie.intent import Claim, Delete
from tbie.testing.aws.faults import Faults
from tbie.testing.builders import chain, envelope, key, stage
from tbie.testing.conformance.hands import LEASE_MS, LEASE_S, claim, depth, dispose, names, present, take
from tbie.testing.conformance.truth_strings import HOSTILE

GOOD = json.loads(to_body(Copy(envelope(), 1, 1)))
FOREIGN = (
    "hello",
    "null",
    "[" * 100_000,
    "9" * 5_000,
    '{"v": 1}',
    json.dumps({**GOOD, "v": 2}),
    json.dumps({**GOOD, "e": [*GOOD["e"][:3], -1, *GOOD["e"][4:]]}),
    json.dumps({**GOOD, "e": [*GOOD["e"][:3], True, *GOOD["e"][4:]]}),
    json.dumps({**GOOD, "e": [{}, *GOOD["e"][1:]]}),
    json.dumps({**GOOD, "c": [2**60, *GOOD["c"][1:]]}),
    json.dumps({**GOOD, "e": [*GOOD["e"][:4], "\ud800", *GOOD["e"][5:]]}),
    to_body(Copy(envelope(stage="b"), 1, 1)),
    "ünï ☂ 𝄞",
)


class Told:
    """Who is told of what is refused."""

    def __init__(self) -> None:
        self.refused: list[tuple[str, Refusal]] = []

    def __call__(self, component: str, refused: Sequence[Refusal]) -> None:
        self.refused += [(component, each) for each in refused]


@contextmanager
def asked(ground: Ground, operation: str) -> Iterator[list[dict[str, Any]]]:
    """The arguments of every call of *operation* meanwhile."""
    seen: list[dict[str, Any]] = []
    events = ground.clients.sqs.meta.events
    events.register(f"provide-client-params.sqs.{operation}", lambda params, **_: seen.append(params), unique_id="seen")
    try:
        yield seen
    finally:
        events.unregister(f"provide-client-params.sqs.{operation}", unique_id="seen")


def test_what_is_no_intent_goes_to_the_dead_letters_with_its_reason_and_holds_up_nobody(ground: Ground) -> None:
    told = Told()
    for body in FOREIGN:
        ground.put(body)
    ground.intent.send([envelope("good")])
    served = [name for _ in range(3) for name in names(claim(ground.another(refusing=told), 10))]
    assert served == ["t1/good"]
    assert len(told.refused) == len(FOREIGN), "and somebody is told of each"
    assert {(by, each.code) for by, each in told.refused} == {("queue a", "not_an_intent")}
    assert all(len(each.evidence) < 3_000 and each.evidence.isascii() for _, each in told.refused)
    assert any(each.evidence == "not JSON: JSONDecodeError: hello" for _, each in told.refused)
    assert (depth(ground.intent).visible, depth(ground.intent).dead) == (0, len(FOREIGN))
    whys = [m["MessageAttributes"]["why"]["StringValue"] for m in ground.dead()]
    assert all("not_an_intent" in why for why in whys)
    assert ground.intent.dead_letters("a") == []
    ground.intent.expire()
    assert depth(ground.intent).dead == len(FOREIGN), "a sweep leaves them to be looked at"


def test_a_foreign_message_that_cannot_be_moved_now_is_moved_the_next_time_and_told_under_one_name(
    ground: Ground,
) -> None:
    told = Told()
    intent = ground.another(refusing=told)
    ground.put("hello")
    intent.send([envelope("good")])
    with Faults(ground.clients.sqs) as faults:
        faults.deny("SendMessageBatch")
        assert names(claim(intent)) == ["t1/good"]
    ground.clock.advance_ms(LEASE_MS)
    assert names(claim(intent)) == ["t1/good"]
    assert depth(intent).dead == 1
    assert len(set(told.refused)) == 1, "so that Truth keeps it once"


def test_a_foreign_message_that_sqs_itself_moved_has_its_reason_after_one_sweep(ground: Ground) -> None:
    told = Told()
    intent = ground.another(refusing=told)
    body = "x" * 500_000
    ground.clients.sqs.send_message(QueueUrl=ground.url(dead=True), MessageBody=body)
    intent.expire()
    (letter,) = ground.dead()
    assert "not_an_intent: not JSON" in letter["MessageAttributes"]["why"]["StringValue"]
    assert letter["Body"] == body, "nothing of it is lost"
    ground.clock.advance_ms(3_600_000)
    intent.expire()
    assert (depth(intent).dead, len(told.refused)) == (1, 1)


def test_what_sqs_itself_moved_to_the_dead_letters_is_dead_after_one_sweep(ground: Ground) -> None:
    arn = ground.clients.sqs.get_queue_attributes(QueueUrl=ground.url(dead=True), AttributeNames=["QueueArn"])
    policy = json.dumps({"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": 2})
    ground.clients.sqs.set_queue_attributes(QueueUrl=ground.url(), Attributes={"RedrivePolicy": policy})
    ground.intent.send([envelope("i1"), envelope("i2")])
    dispose(ground.intent, Delete(next(m for m in claim(ground.intent) if m.envelope.key.item == "i2")))
    for _ in range(2):
        ground.clock.advance_ms(LEASE_MS)
        claim(ground.intent)
    assert depth(ground.intent).dead == 1
    ground.intent.expire()
    found = present(ground.intent, key("i1"))[key("i1")]
    assert (found.dead, found.receives) == (True, 2)
    assert (found.evidence or {})["moved_by"] == "sqs"
    (letter,) = ground.intent.dead_letters("a")
    assert (letter.envelope, letter.reason) == (envelope("i1"), "receives_exhausted")
    assert depth(ground.intent).dead == 1
    assert ground.intent.send([envelope("i1", token="replayed")]) == 1
    assert take(ground.intent).envelope.token == "replayed"


def test_a_wait_longer_than_sqs_can_delay_is_waited_in_steps_that_nobody_is_charged_for(ground: Ground) -> None:
    ground.intent.send([envelope(not_before_ms=ground.clock.now_ms() + 2_000_500)])
    for _ in range(2):
        ground.clock.advance_ms(900_000)
        assert claim(ground.intent) == []
        assert depth(ground.intent).delayed == 1
    ground.clock.advance_ms(200_500)
    assert claim(ground.intent) == [], "whole seconds, rounded up"
    ground.clock.advance_ms(500)
    assert take(ground.intent).receives == 1


def test_every_message_carries_the_group_of_its_tenant(ground: Ground) -> None:
    with asked(ground, "SendMessageBatch") as seen:
        names_of = (*HOSTILE, "\ud800")
        ground.intent.send([envelope(f"i{n}", t, token=f"t{n}") for t in names_of for n in range(2)])
    groups = [entry["MessageGroupId"] for params in seen for entry in params["Entries"]]
    assert len(groups) == 2 * len(HOSTILE) + 2
    assert len(set(groups)) == len(HOSTILE) + 1
    assert all(group.isalnum() and len(group) <= 128 for group in groups)


def test_within_what_one_claim_brings_tenants_take_turns(ground: Ground) -> None:
    ground.intent.send([envelope(f"i{n}", tenant) for tenant in ("t1", "t2", "t3") for n in range(3)])
    tenants = [m.envelope.key.tenant for m in claim(ground.intent, 9)]
    assert [sorted(tenants[n : n + 3]) for n in (0, 3, 6)] == [["t1", "t2", "t3"]] * 3


def test_an_intent_too_large_for_a_message_is_dead_at_once_and_the_others_are_sent(ground: Ground) -> None:
    huge = envelope("huge")._replace(address=Address("b", "x" * MAX_BODY_BYTES))
    small = Address("b", "elsewhere")
    sent = ground.intent.send([envelope("i1"), huge._replace(expected="x" * 2_000_000, address=small), envelope("i2")])
    assert sent == 2
    found = present(ground.intent, key("huge"), key("i1"), key("i2"))
    assert {k.item: p.dead for k, p in found.items()} == {"huge": True, "i1": False, "i2": False}
    assert (found[key("huge")].evidence or {})["reason"] == "message_refused"


def test_ten_large_intents_are_sent_in_as_many_calls_as_they_need(ground: Ground) -> None:
    sent = [envelope(f"i{n}")._replace(expected="x" * 190_000) for n in range(10)]
    assert ground.intent.send(sent) == 10
    assert {m.envelope for m in claim(ground.intent)} == set(sent)


def test_another_process_relieves_the_dead_of_what_they_held(ground: Ground) -> None:
    ground.intent.send([envelope(f"i{n}") for n in range(3)])
    held = claim(ground.intent, 3, owner="dead")
    supervisor = ground.another()
    assert sorted(names(supervisor.release_owner("dead"))) == sorted(names(held))
    assert [m.receives for m in claim(supervisor, owner="w2")] == [1, 1, 1]
    assert supervisor.release_owner("dead") == []


def test_a_hand_that_lags_brings_nothing_back_that_was_settled(ground: Ground) -> None:
    ground.intent.send([envelope("i1"), envelope("i2")])
    first, second = claim(ground.intent, 2, owner="dead")
    with Faults(ground.clients.dynamodb) as faults:
        faults.deny("BatchWriteItem")  # the worker dies before it writes down what it holds now
        dispose(ground.intent, Delete(first))
    ground.another().release_owner("dead")
    again = claim(ground.another(), 10)
    assert names(again) == names([second])


def test_a_lease_ends_with_the_twelve_hours_that_sqs_hides_a_message_for(ground: Ground) -> None:
    ground.intent.send([envelope()])
    message = take(ground.intent)
    with asked(ground, "ChangeMessageVisibilityBatch") as seen:
        for _ in range(30):
            if not ground.intent.extend([message], 3_600):
                break
            ground.clock.advance_ms(1_800_000)
    hidden = [params["Entries"][0]["VisibilityTimeout"] for params in seen]
    assert all(1_800 * n + seconds < 43_200 for n, seconds in enumerate(hidden))
    assert 20 < len(hidden) < 25


def test_an_exchange_waits_for_a_message_only_if_it_has_nothing_else_to_do(ground: Ground) -> None:
    patient = ground.another(wait_s=1)
    with asked(ground, "ReceiveMessage") as seen:
        patient.send([envelope("i1"), envelope("i2")])
        (message,) = claim(patient, 1)
        patient.exchange((Delete(message),), (Claim("b", "w1", 1, LEASE_S, 3),))
        assert [params["WaitTimeSeconds"] for params in seen] == [0, 0]


def test_a_queue_found_empty_is_left_alone_for_a_while(ground: Ground) -> None:
    resting = ground.another(rest_s=1.0)
    with asked(ground, "ReceiveMessage") as seen:
        for _ in range(10):
            claim(resting)
            ground.clock.advance_ms(250)
        assert len(seen) == 3


def test_queues_are_made_once_and_their_drift_is_told(ground: Ground) -> None:
    workflow, settings = chain("a", "b"), Settings()
    create_queues(ground.clients, workflow, settings)
    assert drift(ground.clients, workflow, settings) == []
    ground.clients.sqs.set_queue_attributes(QueueUrl=ground.url(), Attributes={"MessageRetentionPeriod": "60"})
    (told,) = drift(ground.clients, workflow, settings)
    assert told == f"{ground.clients.place.queue('a')}: MessageRetentionPeriod is 60, must be 1209600"


def test_what_sqs_cannot_do_is_refused_before_a_queue_is_made() -> None:
    declared = replace(stage("a"), max_run_s=10_000.0)
    plan = plan_queue(declared, Settings(visibility_timeout_s=20_000.0, retention_s=10 * 86_400.0))
    assert (plan.visibility_s, plan.retention_s, plan.dead_retention_s) == (20_000, 864_000, LONGEST_RETENTION_S)
    assert plan.max_receives > declared.retry.max_receives
    with pytest.raises(SettingsError, match="at most 43200 s"):
        plan_queue(declared, Settings(visibility_timeout_s=50_000.0))
    with pytest.raises(SettingsError, match="SQS keeps a message for 60 to 1209600 s"):
        plan_queue(declared, Settings(visibility_timeout_s=20_000.0, retention_s=20 * 86_400.0))
    with pytest.raises(SettingsError, match="incident 1"):
        plan_queue(declared, Settings())
