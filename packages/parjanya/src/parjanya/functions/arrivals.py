"""What AWS says when an object was created → where it is. Pure.

The same news comes in three shapes: as a notification of S3 (names as in a URL, ``+`` for a space), as an event of EventBridge
(names as they are), and as either of them inside a message of a queue. News may come twice, late and out of order: what is told
later of the same image is decided by ``at_ms``, S3's own time, and not by who tells last.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from parjanya.functions.hostile import at, decoded, records, shown, text, whole
from tbie.core.refusal import Refusal

_MOST_KEY = 1_024
"""Bytes of a key, by S3's own rule."""
_MOST_BYTES = 1 << 50
_MOST_RECORDS = 10_000


class Arrival(NamedTuple):
    """One object that was created."""

    bucket: str
    key: str
    size: int | None
    """Bytes; None if the news does not say."""
    at_ms: int | None
    """When it was created, by S3's clock; None if the news does not say."""
    message: str | None
    """The message of a queue that brought the news; what a partial failure names."""
    receives: int
    """How often that message was received, this time included; 1 where there is none."""


@dataclass(slots=True)
class Arrivals:
    """What an event holds."""

    arrivals: list[Arrival] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    passed: int = 0
    """Tests of the connection, and news of other things than creations: nothing to do."""


class _Message(NamedTuple):
    """What brought the news."""

    name: str | None = None
    receives: int = 1


def parse(event: object) -> Arrivals:
    """What *event*, whatever it is, holds. Never raises."""
    found = Arrivals()
    _read(event, _Message(), found)
    return found


def _read(event: object, message: _Message, found: Arrivals) -> None:
    if at(event, "Event") == "s3:TestEvent":
        found.passed += 1
        return
    if at(event, "source") == "aws.s3":
        _bridged(event, message, found)
        return
    listed = records(event)
    if listed is None:
        found.refused.append(Refusal("no_event", message.name, shown(event)))
        return
    if len(listed) > _MOST_RECORDS:
        found.refused.append(Refusal("too_many_records", message.name, str(len(listed))))
    for record in listed[:_MOST_RECORDS]:
        source = at(record, "eventSource")
        if source == "aws:s3":
            _notified(record, message, found)
        elif source == "aws:sqs" and message.name is None:
            _queued(record, found)
        else:
            found.refused.append(Refusal("foreign_source", message.name or _name(record), shown(source)))


def _name(record: object) -> str | None:
    return text(at(record, "messageId"), 200)


def _queued(record: object, found: Arrivals) -> None:
    body = at(record, "body")
    inside = decoded(body)
    name = _name(record)
    if inside is None or name is None:
        found.refused.append(Refusal("unreadable_message", name, shown(body)))
    else:
        receives = whole(at(record, "attributes", "ApproximateReceiveCount"), 1_000_000) or 1
        _read(inside, _Message(name, receives), found)


def _notified(record: object, message: _Message, found: Arrivals) -> None:
    kind = at(record, "eventName")
    if isinstance(kind, str) and not kind.removeprefix("s3:").startswith("ObjectCreated:"):
        found.passed += 1
        return
    told = at(record, "s3", "object", "key")
    _take(at(record, "s3"), _unquoted(told), told, at(record, "eventTime"), message, found)


def _bridged(event: object, message: _Message, found: Arrivals) -> None:
    if at(event, "detail-type") != "Object Created":
        found.passed += 1
        return
    told = at(event, "detail", "object", "key")
    _take(at(event, "detail"), _whole_key(told), told, at(event, "time"), message, found)


def _take(where: object, key: str | None, told: object, time: object, message: _Message, found: Arrivals) -> None:
    bucket = text(at(where, "bucket", "name"), 255)
    if bucket is None:
        found.refused.append(Refusal("no_bucket", message.name, shown(where)))
    elif key is None:
        found.refused.append(Refusal("unreadable_key", message.name, shown(told)))
    else:
        size = whole(at(where, "object", "size"), _MOST_BYTES)
        found.arrivals.append(Arrival(bucket, key, size, _ms(time), *message))


def _ms(time: object) -> int | None:
    """Epoch milliseconds of a time as AWS writes it, ``2026-11-26T05:00:00.123Z``."""
    told = text(time, 40)
    if told is None or not told.endswith("Z"):
        return None
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        return None
    return int(moment.timestamp() * 1000) if moment.year >= 1970 else None


def _unquoted(told: object) -> str | None:
    """The key in a notification. One that is no UTF-8 is none of S3's."""
    quoted = text(told, 3 * _MOST_KEY)
    if quoted is None or not quoted.isascii():
        return _whole_key(told)  # some servers send it as it is
    try:
        return _whole_key(unquote_to_bytes(quoted.replace("+", " ")).decode())
    except UnicodeDecodeError:
        return None


def _whole_key(key: object) -> str | None:
    found = text(key, _MOST_KEY)
    if found is None:
        return None
    try:
        return found if len(found.encode()) <= _MOST_KEY else None
    except UnicodeEncodeError:
        return None
