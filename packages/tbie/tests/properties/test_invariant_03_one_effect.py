"""Invariant 3: at most one result per (item, stage, generation), whatever is duplicated, reordered or late.

Mutants it catches, tried by hand: ``lifecycle`` that takes a result for a stage that is not pending; a reset that keeps
the generation; ``Settle`` without the comparison of tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tbie.core.keys import ItemKey
from tbie.testing.chaos import Chaos, Stores, hold
from tbie.truth import Command, Result, StageState


class OneEffect(Chaos):
    """Notes every result that reached Truth, and repeats old ones at any time."""

    def __init__(self, make: object) -> None:
        super().__init__(make)  # type: ignore[arg-type]
        self.effects: dict[tuple[ItemKey, str, int], object] = {}
        self.read_to: dict[ItemKey, int] = {}

    @precondition(lambda self: self.settles)
    @rule(number=st.integers(0, 1_000), times=st.integers(1, 3))
    def repeat_a_result(self, number: int, times: int) -> None:
        """A worker that was thought dead delivers, perhaps more than once."""
        self.truth.commit([self.settles[number % len(self.settles)]] * times)

    def on_commit(self, commands: Sequence[Command], results: Sequence[Result], seq_before: int) -> None:
        for key in dict.fromkeys(command.key for command in commands):
            self.read_history(key)

    def read_history(self, key: ItemKey) -> None:
        """Every entry is looked at once, when it is new."""
        for entry in self.raw_truth.history(key):
            if entry.seq <= self.read_to.get(key, 0):
                continue
            self.read_to[key] = entry.seq
            for stage, row in entry.after.items():
                if isinstance(row, dict) and row.get("state") == StageState.COMPLETED:
                    effect = (key, stage, row["generation"])
                    assert effect not in self.effects, f"a second result of {effect}"
                    self.effects[effect] = row["facts"]

    @invariant()
    def results_never_change(self) -> None:
        """What is stored is the one result there was."""
        for item in self.items():
            self.read_history(item.key)
            for record in item.stages.values():
                if record.state is StageState.COMPLETED:
                    assert self.effects[item.key, record.stage, record.generation] == record.facts


def test_one_generation_of_a_stage_has_one_result(stores: Stores) -> None:
    hold(OneEffect, stores)
