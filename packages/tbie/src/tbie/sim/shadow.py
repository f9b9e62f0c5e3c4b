"""What Truth must hold, kept beside it: rows folded from the history that each commit appended, and nothing else.

Callers: the checkers, which compare. Cost follows the change: an entry is folded once, when it is new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tbie.core.keys import ItemKey
from tbie.truth import HistoryEntry

Row = Mapping[str, Any]
"""A stage record as history keeps it (``history.plain``)."""


class Issued(NamedTuple):
    """What a token was given to."""

    key: ItemKey
    stage: str
    generation: int
    number: int
    """Sequence number of the change that gave it."""


class Shadow:
    """Rows, addresses and tokens by history alone."""

    def __init__(self) -> None:
        self.seq = 0
        self.rows: dict[ItemKey, dict[str, Row]] = {}
        self.about: dict[ItemKey, Row] = {}
        """Address and attributes."""
        self.addresses: dict[ItemKey, set[tuple[str, ...]]] = {}
        """Every address that an item ever had."""
        self.tokens: dict[str, Issued] = {}
        self.open: dict[tuple[str, ItemKey], str] = {}
        """Pending (stage, item) with their tokens."""
        self.dirty: set[tuple[str, ItemKey]] = set()
        """Rows that a script changed behind everybody's back; what they hold is nobody's promise."""

    def row(self, key: ItemKey, stage: str) -> Row | None:
        """The row of one stage, None if it was never touched."""
        rows = self.rows.get(key)
        return None if rows is None else rows.get(stage)

    def take(self, entries: Sequence[HistoryEntry]) -> None:
        """Fold new history."""
        for entry in entries:
            self.seq = entry.seq
            rows = self.rows.setdefault(entry.key, {})
            for stage, after in entry.after.items():
                row: Any = after
                if stage == "@item":
                    self.about[entry.key] = row
                    self.addresses.setdefault(entry.key, set()).add(tuple(row["address"]))
                    continue
                rows[stage] = row
                if row["facts"] is None or row["state"] == "completed":
                    self.dirty.discard((stage, entry.key))
                self._index(entry, stage, row)

    def _index(self, entry: HistoryEntry, stage: str, row: Row) -> None:
        name, token = (stage, entry.key), row["token"]
        if row["state"] == "pending":
            self.open[name] = token
        else:
            self.open.pop(name, None)
        if token and token not in self.tokens:
            self.tokens[token] = Issued(entry.key, stage, row["generation"], entry.seq)
