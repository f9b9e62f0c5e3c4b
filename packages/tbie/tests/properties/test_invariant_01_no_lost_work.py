"""Invariant 1: after any finite set of faults ends, every item is final, and nothing waits longer than one sweep.

Mutants it catches, tried by hand: a sweep that looks at nothing; a sweep that is content with a message of another
token, or with a dead one; a barrier that is never lifted.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tbie.core.reading import Known
from tbie.testing.builders import all_open
from tbie.testing.chaos import STAGES, Chaos, Stores, hold, numbers
from tbie.truth import StageState


class NoLostWork(Chaos):
    """Convergence is checked by ``teardown``; here, what one sweep guarantees in the middle of it all."""

    @rule(stage=st.sampled_from(STAGES), what=st.sampled_from(("repeat", "lose", "destroy")), number=numbers)
    def one_sweep_gives_every_open_stage_its_intent(self, stage: str, what: str, number: int) -> None:
        """Whatever happened to the queue since the stream was read to its end."""
        if self.blind:
            return
        self.control.step()
        self.mishap(what, stage, number)
        self.control.step(force_sweep=True, grace_s=0.0)  # not a fresh one: that would re-read the stream and send
        for row in all_open(self.raw_truth, self.workflow):
            reading = self.raw_intent.presence(row.stage, [row.key])
            assert isinstance(reading, Known)
            assert row.key in reading.value, f"{row} has no intent"
            found = reading.value[row.key]
            assert (found.token, found.dead) == (row.token, False)

    def healed(self) -> None:
        for item in self.items():
            for record in item.stages.values():
                assert record.state.final
                assert record.state is StageState.COMPLETED or record.reason, "a failure says why"


def test_no_work_is_lost_whatever_fails(stores: Stores) -> None:
    hold(NoLostWork, stores)
