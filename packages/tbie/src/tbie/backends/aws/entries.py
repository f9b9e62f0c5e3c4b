"""The index rows of an item: what is open, what waits at a barrier, what may be reset. A pure function of its records.

They are written in the transaction that changes the item, so they are never behind it, and a sweep reads these alone: it costs
what is open. The stream of their table is the change stream.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tbie.backends.aws.keys import aged, digest, open_pk, shard_of
from tbie.backends.aws.rows import Attributes, Stored
from tbie.core.keys import Address, ItemKey
from tbie.lifecycle import BARRIER
from tbie.truth import QUARANTINED, FailedStage, OpenStage, StageRecord, StageState

OPEN, WAITING, FAILED, TOUCHED = "open", "barrier", "failed", "touched"
"""Kinds of rows. ``touched`` says that something changed which none of the others shows."""

EntryKey = tuple[str, str]

_encode = json.JSONEncoder(separators=(",", ":")).encode  # ASCII: half pairs are escaped


def entries(stored: Stored) -> dict[EntryKey, Attributes]:
    """Every index row of an item, by its key."""
    return {key: _row(key, *of) for key, of in _indexed(stored).items()}


def _indexed(stored: Stored) -> dict[EntryKey, tuple[str, StageRecord, list[object]]]:
    """Every index row of an item by its key: its kind, the record that it is of, what it holds."""
    found: dict[EntryKey, tuple[str, StageRecord, list[object]]] = {}
    for record in stored.records.values():
        kind = _kind(record)
        if kind is not None:
            mark = digest(stored.key)
            sk, held = _held(kind, stored, record, mark)
            found[open_pk(kind, record.stage, shard_of(mark)), sk] = kind, record, held
    return found


def _row(key: EntryKey, kind: str, record: StageRecord, held: list[object]) -> Attributes:
    return {
        "pk": {"S": key[0]},
        "sk": {"S": key[1]},
        "kind": {"S": kind},
        "stage": {"S": record.stage},
        "row": {"S": _encode(held)},
    }


def _kind(record: StageRecord) -> str | None:
    if record.state is StageState.PENDING:
        return OPEN
    if record.state is StageState.WAITING and record.reason == BARRIER:
        return WAITING
    if record.state is StageState.FAILED and record.retriable and record.reason not in QUARANTINED:
        return FAILED
    return None


def _held(kind: str, stored: Stored, record: StageRecord, mark: str) -> tuple[str, list[object]]:
    """Sort key and contents of one row."""
    r, names = record, list[object](stored.key)
    if kind == OPEN:
        more = [r.stage, r.version, r.generation, r.token, r.since_ms, r.not_before_ms, r.attempts]
        return aged(r.since_ms, mark), [*names, *more, *stored.address, r.reason]
    if kind == WAITING:
        return aged(r.since_ms, mark), [*names, r.since_ms]
    return failed_sk(r.resets, r.updated_ms, mark), [*names, r.stage, r.token, r.reason, r.resets, r.updated_ms]


def failed_sk(resets: int, updated_ms: int, mark: str) -> str:
    """Failures sort by how often they were reset, then by age."""
    return f"{resets:06d}#{aged(updated_ms, mark)}"


def open_stage(row: Attributes) -> OpenStage:
    """The open stage in a row of kind ``OPEN``, also in an image of the stream."""
    held = json.loads(row["row"]["S"])
    return OpenStage._make((ItemKey(held[0], held[1]), *held[2:9], Address(held[9], held[10]), held[11]))


def failed_stage(row: Attributes) -> FailedStage:
    """The failure in a row of kind ``FAILED``."""
    held = json.loads(row["row"]["S"])
    return FailedStage(ItemKey(held[0], held[1]), held[2], held[3], held[4] or "", held[5], held[6])


def waiting(row: Attributes) -> tuple[ItemKey, int]:
    """The item in a row of kind ``WAITING``, and since when it waits."""
    held = json.loads(row["row"]["S"])
    return ItemKey(held[0], held[1]), held[2]


def difference(old: Stored | None, new: Stored) -> tuple[list[Attributes], list[EntryKey]]:
    """What to put and what to delete so that the index rows of *old* become those of *new*."""
    before, after = _indexed(old) if old is not None else {}, _indexed(new)
    put = [_row(key, *of) for key, of in after.items() if key not in before or before[key][2] != of[2]]
    return put, [key for key in before if key not in after]


def touch(key: ItemKey, seq: int) -> Attributes:
    """A row that says that *key* changed, where no other index row does: the change stream shows every change."""
    mark = digest(key)
    return {
        "pk": {"S": f"{TOUCHED}#{mark[:2]}"},
        "sk": {"S": mark},
        "kind": {"S": TOUCHED},
        "stage": {"S": "-"},
        "row": {"S": str(seq)},
    }


def counted_as(record: StageRecord) -> str:
    """Under which name a record of its stage is counted: only of what is completed does anybody ask for the version."""
    return f"{record.state}|{record.version if record.state is StageState.COMPLETED else ''}"


def is_open(image: Mapping[str, Any]) -> bool:
    """Whether an image of the stream is a row of kind ``OPEN``."""
    return bool(image.get("kind", {}).get("S") == OPEN)
