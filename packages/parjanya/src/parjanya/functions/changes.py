"""Records of the stream of the table ``open`` → rows to look at. Pure.

A record says "this stage of this item is open, or was": its image carries the names, and nothing else of it is believed, because
the row is read again. What is no such record is refused or passed over; neither stops the others.

The image of a row, as Truth writes it: ``{"kind": {"S": "open"}, "stage": {"S": …}, "row": {"S": "[tenant, item, stage, …]"}}``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from parjanya.functions.hostile import at, decoded, records, shown, text
from tbie.core.keys import ItemKey
from tbie.core.refusal import Refusal
from tbie.reconciler.pushed import Row

OPEN = "open"
"""The kind of index rows that say that a stage is pending."""
_SOURCE = "aws:dynamodb"
_MOST_NAME = 100_000
"""Characters of a tenant's or an item's name: above any that fits into a row."""
_MOST_RECORDS = 10_000
"""Lambda hands over at most this many in one call."""


class Change(NamedTuple):
    """One record that says where to look."""

    sequence: str
    """How AWS calls the record; what a partial failure names."""
    row: Row
    at_ms: int | None
    """When the change was made, as AWS says it; None if it does not."""


@dataclass(slots=True)
class Changes:
    """What an event holds."""

    changes: list[Change] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    passed: int = 0
    """Records of other rows, and of rows that went: nothing to do."""

    @property
    def rows(self) -> list[Row]:
        """Where to look."""
        return [change.row for change in self.changes]


def parse(event: object) -> Changes:
    """What *event*, whatever it is, holds. Never raises."""
    found = Changes()
    listed = records(event)
    if listed is None:
        found.refused.append(Refusal("no_event", None, shown(event)))
        return found
    for record in listed[:_MOST_RECORDS]:
        match _read(record):
            case Change() as change:
                found.changes.append(change)
            case Refusal() as refused:
                found.refused.append(refused)
            case None:
                found.passed += 1
    if len(listed) > _MOST_RECORDS:
        found.refused.append(Refusal("too_many_records", None, str(len(listed))))
    return found


def _read(record: object) -> Change | Refusal | None:
    sequence = text(at(record, "dynamodb", "SequenceNumber"), 64)
    source, kind, image = at(record, "eventSource"), at(record, "eventName"), at(record, "dynamodb", "NewImage")
    if source != _SOURCE:
        return Refusal("foreign_source", sequence, shown(source))
    if kind not in ("INSERT", "MODIFY", "REMOVE"):
        return Refusal("unknown_event", sequence, shown(kind))
    said = at(image, "kind", "S")
    if kind == "REMOVE" or (isinstance(said, str) and said != OPEN):
        return None
    return _change(record, sequence, image)


def _change(record: object, sequence: str | None, image: object) -> Change | Refusal:
    """A record that must be about an open row."""
    if at(image, "kind", "S") != OPEN:
        return Refusal("no_image", sequence, shown(image if image is not None else record))
    row = _row(decoded(at(image, "row", "S")))
    if sequence is None or row is None:
        return Refusal("unreadable_row", sequence, shown(at(image, "row", "S")))
    seconds = at(record, "dynamodb", "ApproximateCreationDateTime")
    known = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < 1e11
    return Change(sequence, row, int(seconds * 1000) if known else None)


def _row(held: object) -> Row | None:
    if not isinstance(held, list) or len(held) < 3:
        return None
    tenant, item, stage = held[:3]
    if not (isinstance(tenant, str) and isinstance(item, str)) or max(len(tenant), len(item)) > _MOST_NAME:
        return None
    named = text(stage, 100)
    return Row(ItemKey(tenant, item), named) if named is not None else None
