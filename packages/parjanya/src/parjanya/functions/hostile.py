"""Reading what comes from outside, which may be anything: bounded, never raising, refusals as values. Pure.

Callers: the parsers of events. A function is handed JSON: a value is a dictionary, a list, a string, a number or none.
"""

from __future__ import annotations

import json
from typing import Any

from tbie.core.refusal import excerpt

_MOST_JSON = 1_100_000
"""Characters of JSON inside an event: a message of a queue has 1 MiB at most, a row 400 KB."""


def at(value: object, *path: str) -> Any:
    """The member of *value* at *path*; None where nothing is."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text(value: object, most: int) -> str | None:
    """*value* if it is a string of 1 to *most* characters."""
    return value if isinstance(value, str) and 0 < len(value) <= most else None


def whole(value: object, most: int = 1 << 53) -> int | None:
    """*value* if it is a whole number from 0 to *most*; also written in digits, as DynamoDB and SQS do."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else None


def records(event: object) -> list[object] | None:
    """The records of an event; None if it has no such list."""
    found = at(event, "Records")
    return found if isinstance(found, list) else None


def decoded(value: object) -> Any:
    """The JSON in a string; None if it is none, or too long, or nested too deep."""
    if not isinstance(value, str) or len(value) > _MOST_JSON:
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def shown(value: object) -> str:
    """*value* for a log: its beginning, escaped."""
    return excerpt(value if isinstance(value, str) else repr(_shallow(value)))


def _shallow(value: object) -> object:
    """Enough of *value* to recognise it; deep structures are not walked."""
    if isinstance(value, dict):
        return {str(name)[:40]: _kind(value[name]) for name in list(value)[:10]}
    if isinstance(value, list):
        return [_kind(each) for each in value[:3]]
    return value


def _kind(value: object) -> object:
    return (
        value
        if isinstance(value, int | float | bool | None)
        else str(value)[:40]
        if isinstance(value, str)
        else type(value).__name__
    )
