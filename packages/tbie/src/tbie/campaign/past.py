"""What an item was before a campaign reset it, and what came of it: read from its history. Pure.

Callers: ``driver``, to know what an interrupted page had done already; the application's before/after report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

from tbie.campaign.record import KIND, Campaign
from tbie.core.keys import Address
from tbie.history import fold, record_of
from tbie.truth import HistoryEntry, Item, StageState


class Before(NamedTuple):
    """One reset item, as it was and as it became."""

    then: Item
    """When the campaign began."""
    now: Item
    """With everything that came of the reset; later replays are not in it."""


def before(item: Item, entries: Sequence[HistoryEntry], campaign: Campaign) -> Before | None:
    """*item* before and after *campaign* reset it; None if it did not."""
    at = mark_of(entries, campaign)
    if at is None:
        return None
    return Before(as_it_began(item, entries, campaign), folded(item, entries[: _end(entries, at, campaign)]))


def as_it_began(item: Item, entries: Sequence[HistoryEntry], campaign: Campaign) -> Item:
    """*item* as it was when *campaign* began."""
    return folded(item, [entry for entry in entries if entry.seq <= campaign.from_seq])


def mark_of(entries: Sequence[HistoryEntry], campaign: Campaign) -> int | None:
    """Index of the change by which *campaign* reset an item; None if it did not."""
    for index, entry in enumerate(entries):
        if entry.seq > campaign.from_seq and campaign.marked(entry.cause):
            return index
    return None


def is_fresh(entries: Sequence[HistoryEntry], campaign: Campaign) -> bool:
    """Whether the item was added after *campaign* began."""
    return bool(entries) and entries[0].seq > campaign.from_seq


def folded(item: Item, entries: Sequence[HistoryEntry]) -> Item:
    """*item* as it was after *entries*."""
    rows = fold(entries)
    place = cast("dict[str, Any] | None", rows.pop("@item", None))
    records = {name: record_of(row) for name, row in rows.items()}
    if place is None:
        return replace(item, stages=records)
    return replace(item, stages=records, address=Address(*place["address"]), attributes=place["attributes"])


def _end(entries: Sequence[HistoryEntry], at: int, campaign: Campaign) -> int:
    """Index of the next deliberate reset after the item had settled: another campaign's, or one of this stage by anybody."""
    rows = {name: row for name, row in fold(entries[: at + 1]).items() if name != "@item"}
    mine, settled = _generation(rows, campaign.stage), False
    for index in range(at + 1, len(entries)):
        after = entries[index].after
        other = entries[index].cause.who.startswith(f"{KIND}:")
        again = _generation(after, campaign.stage) > mine
        if settled and (other or again):
            return index
        rows.update({name: cast("dict[str, Any]", row) for name, row in after.items() if name != "@item"})
        settled = settled or all(StageState(str(row["state"])).final for row in rows.values())
    return len(entries)


def _generation(rows: Mapping[str, object], stage: str) -> int:
    row = rows.get(stage)
    return int(row["generation"]) if isinstance(row, Mapping) else 0
