"""What history keeps of a record, and how rows come back from it. Pure; all backends write the same shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tbie.truth import HistoryEntry, StageRecord, StageState

ITEM = "@item"
"""Beside the stages in ``after``: the item's address and attributes, where a change has set them."""

_ADDED_LATER = {"resets": 0}
"""Fields of a record that came with a later version, and what rows from before then hold."""


def plain(record: StageRecord) -> dict[str, object]:
    """A record as plain data: what history keeps as ``after``."""
    return {**record._asdict(), "state": record.state.value}


def record_of(row: Mapping[str, Any]) -> StageRecord:
    """The record that ``plain`` made *row* of; one that was written before a field existed, too."""
    known = {name: row[name] for name in StageRecord._fields if name in row}
    return StageRecord(**{**known, "state": StageState(row["state"])})


def whole(after: Mapping[str, object]) -> dict[str, object]:
    """``after`` of an entry with every field: one that was written before a field existed reads as if it had said it."""
    return {
        stage: record if stage == ITEM or not isinstance(record, Mapping) else {**_ADDED_LATER, **record}
        for stage, record in after.items()
    }


def brief(record: StageRecord) -> dict[str, object]:
    """A record in short: what history keeps as ``before`` (the rest is the ``after`` of an earlier entry)."""
    return {"state": record.state.value, "generation": record.generation, "token": record.token}


def fold(entries: Iterable[HistoryEntry]) -> dict[str, Mapping[str, object]]:
    """Replay history: the last record of each stage, as plain data. Must equal the row (invariant 9).

    An entry that was written before a field existed reads as if it had said what the row was given then.
    """
    rows: dict[str, Mapping[str, object]] = {}
    for entry in entries:
        for stage, record in whole(entry.after).items():
            assert isinstance(record, Mapping)
            rows[stage] = record
    return rows
