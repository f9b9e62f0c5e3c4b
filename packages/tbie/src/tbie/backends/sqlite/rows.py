"""Between records and rows. JSON is written once for each record and used for both the row and its history entry."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from tbie.truth import StageRecord, StageState

RECORD_COLUMNS = (
    "s.stage, s.state, s.version, s.generation, s.token, s.attempts, s.since_ms, s.updated_ms, s.not_before_ms,"
    " s.reason, s.retriable, s.evidence, s.facts, s.resets"
)

_STATES = {state.value: state for state in StageState}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
quote = json.encoder.encode_basestring
"""A text as a JSON string."""


def dumps(value: object) -> str:
    """Compact JSON; refuses NaN, which other readers of the file could not parse.

    Lone surrogates (undecodable file names that reached a message) are escaped, since SQLite stores UTF-8 only.
    """
    if not value and isinstance(value, dict):
        return "{}"
    text = _encode(value)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def loads(text: str) -> dict[str, Any]:
    """The mapping that ``dumps`` wrote."""
    return cast("dict[str, Any]", json.loads(text))


def to_record(row: Sequence[Any], with_facts: bool) -> StageRecord:
    """A record from ``RECORD_COLUMNS``.

    Facts are parsed only *with_facts*: they are large, and a commit seldom looks at them.
    """
    evidence = json.loads(row[11]) if row[11] is not None else None
    facts = json.loads(row[12]) if with_facts and row[12] is not None else None
    return StageRecord._make((row[0], _STATES[row[1]], *row[2:10], bool(row[10]), evidence, facts, row[13]))


def record_row(item_id: int, record: StageRecord) -> tuple[object, ...]:
    """The values of one ``stage`` row, in the order of its columns."""
    evidence = None if record.evidence is None else dumps(record.evidence)
    facts = None if record.facts is None else dumps(record.facts)
    state, retriable = record.state._value_, int(record.retriable)
    return (item_id, record.stage, state, *record[2:10], retriable, evidence, facts, record.resets)


def record_json(record: StageRecord, row: Sequence[object]) -> str:
    """The record as a JSON object, reusing the JSON texts in *row* (from ``record_row``)."""
    reason = "null" if record.reason is None else quote(record.reason)
    return (
        f'{{"stage":{quote(record.stage)},"state":"{record.state._value_}","version":{quote(record.version)},'
        f'"generation":{record.generation},"token":"{record.token}","attempts":{record.attempts},'
        f'"since_ms":{record.since_ms},"updated_ms":{record.updated_ms},"not_before_ms":{record.not_before_ms},'
        f'"reason":{reason},"retriable":{"true" if record.retriable else "false"},'
        f'"evidence":{row[12] or "null"},"facts":{row[13] or "null"},"resets":{record.resets}}}'
    )


def brief_json(record: StageRecord) -> str:
    """``history.brief`` as JSON text."""
    return f'{{"state":"{record.state._value_}","generation":{record.generation},"token":"{record.token}"}}'
