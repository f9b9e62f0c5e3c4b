"""Invariant 7: an intent is completely addressed, from Truth, and a wrong address never becomes one.

Mutants it catches, tried by hand: ``address`` without the look at the object store; an envelope with the version of the
row; ``carry_out`` that sends what was refused, or the token from before a rotation, or forgets when work may begin.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis.stateful import invariant

from tbie.core.reading import Known
from tbie.intent import Envelope
from tbie.testing.builders import BUCKET
from tbie.testing.chaos import STAGES, Chaos, Stores, hold
from tbie.truth import StageState


class AddressedWork(Chaos):
    """Compares every envelope, at the moment of sending, with what Truth says."""

    def on_send(self, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            assert self.resolve(envelope.address), "nothing misrouted is ever sent"
            (item,) = self.raw_truth.get([envelope.key])
            assert item is not None
            assert envelope.address == item.address
            version = self.workflow.version(envelope.stage, envelope.key.tenant)
            record = item.stages[envelope.stage]
            assert (envelope.version, envelope.expected) == (version, ",".join(self.workflow[envelope.stage].owns))
            assert (envelope.generation, envelope.token) == (record.generation, record.token)
            assert record.state is StageState.PENDING
            assert envelope.not_before_ms == record.not_before_ms

    @invariant()
    def misrouted_items_are_refused_before_they_cost_an_attempt(self) -> None:
        """Their failure names the address, and says that a replay makes sense once it is mended."""
        for item in self.items():
            if item.address.bucket != BUCKET:
                record = item.stages["read"]
                assert record.attempts == 0
                if record.state is StageState.FAILED:
                    assert (record.reason, record.retriable) == ("misrouted_intent", True)
                    assert record.evidence is not None
                    assert record.evidence["bucket"] == item.address.bucket

    @invariant()
    def no_queue_holds_a_wrong_address(self) -> None:
        """Neither live nor dead."""
        wrong = [item.key for item in self.items() if item.address.bucket != BUCKET]
        for stage in STAGES:
            reading = self.raw_intent.presence(stage, wrong)
            assert isinstance(reading, Known)
            assert reading.value == {}


def test_every_intent_is_addressed_and_no_wrong_address_becomes_one(stores: Stores) -> None:
    hold(AddressedWork, stores)
