"""Invariant 5: after a replay, no fact owned by that stage or downstream survives from before.

Mutants it catches, tried by hand: a reset that leaves downstream alone; a reset that keeps facts; a worker that runs
ahead with the facts of an earlier generation; an ``Update`` that resets nothing.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tbie.testing.builders import WHO
from tbie.testing.chaos import STAGES, Chaos, Stores, hold, numbers
from tbie.truth import Committed, Reset, StageState


class CleanReplay(Chaos):
    """The handler writes down from which facts it made its own; they must be the ones that are stored now."""

    @invariant()
    def facts_are_made_of_the_facts_that_are_stored(self) -> None:
        """At every moment, not only at the end."""
        for item in self.items():
            stored = {name: r.facts for name, r in item.stages.items() if r.facts is not None}
            for name, facts in stored.items():
                assert item.stages[name].state is StageState.COMPLETED, "only a completed stage has facts"
                upstream = self.workflow.upstream[name]
                assert facts["given"] == {other: stored[other][other] for other in sorted(upstream) if other in stored}
                assert str(facts[name]).split("/")[1] == str(item.stages[name].generation)

    @precondition(lambda self: self.keys)
    @rule(number=numbers, stage=st.sampled_from(STAGES))
    def replay_and_look(self, number: int, stage: str) -> None:
        """Right after the reset, everything from that boundary on is blank and one generation older."""
        key = self.keys[number % len(self.keys)]
        (before,) = self.raw_truth.get([key])
        (result,) = self.truth.commit([Reset(key, stage, WHO)])
        (after,) = self.raw_truth.get([key])
        assert before is not None
        assert after is not None
        if not isinstance(result, Committed):
            assert after == before
            return
        for name in (stage, *(s.name for s in self.workflow.downstream[stage])):
            if name in before.stages:
                assert after.stages[name].facts is None
                assert after.stages[name].generation == before.stages[name].generation + 1
                assert after.stages[name].state in (StageState.PENDING, StageState.WAITING, StageState.SKIPPED)
        untouched = before.stages.keys() - {stage, *(s.name for s in self.workflow.downstream[stage])}
        assert all(after.stages[name] == before.stages[name] for name in untouched)


def test_no_fact_outlives_what_it_was_made_of(stores: Stores) -> None:
    hold(CleanReplay, stores)
