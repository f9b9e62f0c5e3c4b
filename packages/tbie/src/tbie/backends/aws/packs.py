"""What happens to items in one transaction, and whether DynamoDB takes it in one piece. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from tbie.backends.aws import entries, rows
from tbie.backends.aws.entries import EntryKey
from tbie.backends.aws.rows import Attributes, Stored
from tbie.core.keys import ItemKey

MOST_ACTIONS = 100
MOST_BYTES = 3_500_000
"""Of one transaction; DynamoDB takes 4 MB, and counts a little differently."""

_ABOUT = 400
"""Bytes that an action on an index row or a count has at most, for names of usual length."""

Tally = tuple[str, str]
"""A row of counts: (tenant, stage)."""


@dataclass(slots=True)
class Touched:
    """What happens to one item in one transaction."""

    base: Stored | None
    """As it must be found; None: it must not exist."""
    now: Stored
    entries: list[Attributes]
    """New rows of its history."""
    spilled: dict[str, bytes]
    put: list[Attributes] = field(default_factory=list)
    """Index rows to write."""
    delete: list[EntryKey] = field(default_factory=list)
    counts: dict[Tally, dict[str, int]] = field(default_factory=dict)
    """What to add to the counts, by row and then by ``state|version``."""
    early: list[Attributes] = field(default_factory=list)
    """Rows of its history that do not fit into the transaction and are written before it. Only of an item that is restored."""
    row: Attributes = field(default_factory=dict)
    actions: int = 0
    size: int = 0

    def settle(self) -> Touched:
        """Work out what is to be written, once nothing is added any more."""
        if self.row:
            return self
        self.put, self.delete = entries.difference(self.base, self.now)
        if not self.put and not self.delete:
            self.put = [entries.touch(self.now.key, self.now.seq)]
        self.counts = _counts(self.base, self.now)
        self.row = rows.item_row(self.now)
        self.actions = 1 + len(self.entries) + len(self.put) + len(self.delete)
        self.size = rows.size_of(self.row) + sum(rows.size_of(entry) for entry in self.entries)
        self.size += sum(rows.size_of(entry) for entry in self.put) + _ABOUT * (1 + len(self.delete))
        return self


@dataclass(slots=True)
class Pack:
    """One transaction."""

    first: int
    """Number of the first job that it carries out."""
    items: dict[ItemKey, Touched]

    def counts(self) -> dict[Tally, dict[str, int]]:
        """What it adds to the counts, all its items together."""
        total: dict[Tally, dict[str, int]] = {}
        for touched in self.items.values():
            for tally, changes in touched.counts.items():
                together = total.setdefault(tally, {})
                for name, n in changes.items():
                    together[name] = together.get(name, 0) + n
        kept = {tally: {name: n for name, n in changes.items() if n} for tally, changes in total.items()}
        return {tally: changes for tally, changes in kept.items() if changes}

    def fits(self, most_actions: int, fenced: bool) -> bool:
        """Whether DynamoDB would take it in one piece."""
        actions, size, tallies = int(fenced), 0, set[Tally]()
        for touched in self.items.values():
            actions += touched.actions
            size += touched.size
            tallies.update(touched.counts)
        return actions + len(tallies) <= most_actions and size + _ABOUT * len(tallies) <= MOST_BYTES


def _counts(old: Stored | None, new: Stored) -> dict[Tally, dict[str, int]]:
    """What changes in the counts: of each record that is another one now, what it was and what it is."""
    found: dict[Tally, dict[str, int]] = {}
    for stage, record in new.records.items():
        was = old.records.get(stage) if old is not None else None
        if was is record:
            continue
        before = entries.counted_as(was) if was is not None else None
        after = entries.counted_as(record)
        if before != after:
            found[new.key.tenant, stage] = {after: 1} if before is None else {before: -1, after: 1}
    return found
