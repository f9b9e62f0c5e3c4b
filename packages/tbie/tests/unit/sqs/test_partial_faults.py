"""Faults of one part of a call: what is not at fault for them goes on."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest

from packages.tbie.tests.unit.sqs.ground import STAGES, Ground
from tbie.backends.aws.client import ReadTimeoutError
from tbie.backends.aws.copies import name_of
from tbie.backends.aws.intent import SqsIntent
from tbie.backends.aws.register import Forget, Register
from tbie.core.errors import IntentUnavailableError
from tbie.intent import Claim, Delete, Message
from tbie.testing.aws.faults import Faults
from tbie.testing.builders import RETENTION_S, envelope, key
from tbie.testing.conformance.hands import LEASE_S, claim, depth, dispose, present


def test_what_the_register_refuses_line_by_line_makes_presence_unknown(ground: Ground) -> None:
    ground.intent.send([envelope("i1")])
    (message,) = claim(ground.intent, 1)

    def deny(answer: dict[str, Any]) -> None:
        answer["Responses"] = [{"Error": {"Code": "AccessDenied"}} for _ in answer["Responses"]]

    with Faults(ground.clients.dynamodb) as faults:
        faults.answer("BatchExecuteStatement", deny)
        with pytest.raises(IntentUnavailableError, match="AccessDenied"):
            Register(ground.clients, 1_000_000).note([Forget(name_of("a", key("i1")), message.envelope.token, "mid")])
        dispose(ground.intent, Delete(message))  # the message is what counts
    assert depth(ground.intent).live == 0


@pytest.mark.parametrize("code", ["RequestThrottled", "AccessDenied", "OverLimit", "KMS.ThrottlingException"])
def test_what_a_role_or_a_moment_is_to_blame_for_does_not_kill_a_message(ground: Ground, code: str) -> None:
    def refuse(answer: dict[str, Any]) -> None:
        answer["Failed"] = [{"Id": e["Id"], "Code": code, "SenderFault": True} for e in answer.pop("Successful", ())]

    with Faults(ground.clients.sqs) as faults:
        faults.answer("SendMessageBatch", refuse)
        with pytest.raises(IntentUnavailableError, match=code):
            ground.intent.send([envelope("i1")])
    assert present(ground.intent, key("i1")) == {}


def test_one_stage_that_cannot_be_extended_does_not_end_the_leases_of_another(ground: Ground) -> None:
    ground.intent.send([envelope("i1"), envelope("i2", stage="b")])
    held = [message for stage in STAGES for message in ground.intent.exchange((), [Claim(stage, "w1", 1, LEASE_S, 5)])]
    with Faults(ground.clients.sqs) as faults:
        faults.refuse("ChangeMessageVisibilityBatch", "AccessDenied", times=1)
        with pytest.raises(IntentUnavailableError):
            ground.intent.extend(held, LEASE_S)
        assert faults.calls["ChangeMessageVisibilityBatch"] == 2


def test_a_table_that_is_slow_to_take_a_hand_holds_up_no_lease(ground: Ground) -> None:
    ground.intent.send([envelope("i1")])
    extended: list[int] = []
    held: list[Message] = []

    def extend_meanwhile(_answer: dict[str, Any]) -> None:
        other = Thread(target=lambda: extended.append(ground.intent.extend(held, LEASE_S)), daemon=True)
        other.start()
        other.join(10)

    held += ground.intent.exchange((), [Claim("a", "w1", 1, LEASE_S, 5)])
    ground.intent.send([envelope("i2")])
    with Faults(ground.clients.dynamodb) as faults:
        faults.answer("BatchWriteItem", extend_meanwhile)
        held_more = ground.intent.exchange((), [Claim("a", "w1", 1, LEASE_S, 5)])
    assert (extended, len(held_more)) == ([1], 1)


def test_what_was_received_is_handed_out_though_a_later_call_fails(ground: Ground) -> None:
    ground.intent.send([envelope(f"i{n}") for n in range(20)])
    seen: list[int] = []

    def fail_later(answer: dict[str, Any]) -> None:
        seen.append(1)
        if len(seen) > 1:
            raise ReadTimeoutError(endpoint_url="gone")

    with Faults(ground.clients.sqs) as faults:
        faults.answer("ReceiveMessage", fail_later)
        assert len(claim(ground.intent, 20)) == 10


def test_a_stage_without_its_queue_holds_up_no_other(ground: Ground) -> None:
    other = SqsIntent(ground.clients, ground.clock, RETENTION_S, ("gone", *STAGES))
    with pytest.raises(IntentUnavailableError, match="1 of 2"):
        other.send([envelope("i1", stage="gone"), envelope("i2", stage="b")])
    assert key("i2") in present(ground.intent, key("i2"), stage="b")


def test_one_stage_that_cannot_be_settled_does_not_hold_up_another_nor_settle_it_twice(ground: Ground) -> None:
    ground.intent.send([envelope("i1"), envelope("i2", stage="b")])
    held = [message for stage in STAGES for message in ground.intent.exchange((), [Claim(stage, "w1", 1, LEASE_S, 5)])]
    assert len(held) == 2
    with Faults(ground.clients.sqs) as faults:
        faults.refuse("DeleteMessageBatch", "AccessDenied", times=1)
        with pytest.raises(IntentUnavailableError):
            dispose(ground.intent, *map(Delete, held))
        dispose(ground.intent, *map(Delete, held))
        assert faults.calls["DeleteMessageBatch"] == 3, "what was settled is not asked for again"
    assert [depth(ground.intent, stage).live for stage in STAGES] == [0, 0]
