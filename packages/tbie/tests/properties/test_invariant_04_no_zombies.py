"""Invariant 4: a result for a superseded token changes nothing, and the worker learns so.

Mutants it catches, tried by hand: ``Settle`` without the comparison of tokens, of generations, of states; a rotation
that keeps the token; a worker that reports a refused result as committed.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tbie.testing.builders import WHO
from tbie.testing.chaos import Chaos, Stores, hold, numbers
from tbie.truth import Command, Committed, Refused, Result, Rotate, Settle, StageRecord, StageState


class NoZombies(Chaos):
    """Predicts the answer to every result from the row as it was, and compares."""

    @precondition(lambda self: self.settles)
    @rule(number=st.integers(0, 1_000))
    def a_zombie_returns(self, number: int) -> None:
        """An old result, long after its lease."""
        late = self.settles[number % len(self.settles)]
        (item,) = self.raw_truth.get([late.key])
        assert item is not None
        record, seq = item.stages.get(late.stage), self.raw_truth.last_seq()
        (result,) = self.truth.commit([late])
        if live(record, late):
            assert isinstance(result, Committed)
        else:
            assert result == Refused("superseded")
            assert self.raw_truth.get([late.key]) == [item]
            assert self.raw_truth.last_seq() == seq, "a refused result leaves no trace"

    @precondition(lambda self: self.keys)
    @rule(number=numbers)
    def rotate(self, number: int) -> None:
        """A fresh token for everything open of one item: whoever works on it is a zombie from now on."""
        (item,) = self.raw_truth.get([self.keys[number % len(self.keys)]])
        assert item is not None
        for record in item.stages.values():
            if record.state is StageState.PENDING:
                self.truth.commit([Rotate(item.key, record.stage, record.token, record.version, WHO)])
                (after,) = self.raw_truth.get([item.key])
                assert after is not None
                assert after.stages[record.stage].token != record.token

    def on_commit(self, commands: Sequence[Command], results: Sequence[Result], seq_before: int) -> None:
        changes = sum(isinstance(result, Committed) for result in results)
        assert self.raw_truth.last_seq() >= seq_before + changes
        if not changes:
            assert self.raw_truth.last_seq() == seq_before


def live(record: StageRecord | None, settle: Settle) -> bool:
    """Whether the row still waits for this very result."""
    return (
        record is not None
        and record.state is StageState.PENDING
        and (record.token, record.generation) == (settle.token, settle.generation)
    )


def test_a_superseded_result_changes_nothing(stores: Stores) -> None:
    hold(NoZombies, stores)
