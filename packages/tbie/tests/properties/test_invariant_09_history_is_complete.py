"""Invariant 9: every change of Truth appends one history entry with who and why; folding them gives the row.

Mutants it catches, tried by hand: a change without an entry; an entry without one of the touched stages; an update whose
address is not in the history; an entry for a refused command.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis.stateful import invariant

from tbie.lifecycle import fold, plain
from tbie.testing.chaos import Chaos, Stores, hold
from tbie.truth import Command, Committed, Result, Settle


class CompleteHistory(Chaos):
    """Folds after each step, and counts entries at each commit."""

    @invariant()
    def folding_gives_the_row(self) -> None:
        """Of every item, at every moment."""
        numbers: list[int] = []
        for item in self.items():
            entries = self.raw_truth.history(item.key)
            rows = fold(entries)
            assert rows.pop("@item") == {"address": list(item.address), "attributes": item.attributes}
            assert rows == {name: plain(record) for name, record in item.stages.items()}
            assert all(entry.cause.who and entry.cause.why for entry in entries)
            known: dict[str, object] = {}
            for entry in entries:
                for stage, brief in entry.before.items():
                    assert brief == known[stage], "before is what was there"
                for stage, row in entry.after.items():
                    if isinstance(row, dict) and stage != "@item":
                        known[stage] = {name: row[name] for name in ("state", "generation", "token")}
            numbers += [entry.seq for entry in entries]
        assert sorted(numbers) == list(range(1, self.raw_truth.last_seq() + 1))

    @invariant()
    def counts_agree_with_the_rows(self) -> None:
        """The tally is a fold of the same changes."""
        recount = Counter((i.key.tenant, r.stage, r.state) for i in self.items() for r in i.stages.values())
        assert {k: n for k, n in self.raw_truth.tally().items() if n} == dict(recount)

    def on_commit(self, commands: Sequence[Command], results: Sequence[Result], seq_before: int) -> None:
        changed = sum(isinstance(result, Committed) for result in results)
        invalidating = any(isinstance(command, Settle) for command in commands)
        appended = self.raw_truth.last_seq() - seq_before
        assert appended == changed or (invalidating and appended >= changed)


def test_history_tells_the_whole_story(stores: Stores) -> None:
    hold(CompleteHistory, stores)
