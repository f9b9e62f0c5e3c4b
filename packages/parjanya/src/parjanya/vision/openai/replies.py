"""What a server sent, as values: a whole reply, or how it failed to send one; and what either means. Pure.

Callers: ``transport`` makes them, ``answer`` and ``attest`` read them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from parjanya.observation.validate import printable

LEAST_REST_S = 1.0
MOST_REST_S = 3600.0
USUAL_REST_S = 5.0
"""When a busy server does not say how long it wants to be left alone."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP answer."""

    status: int
    body: bytes
    retry_after: str = ""
    date: str = ""
    run_s: float = 0.0

    def json(self) -> Any:
        """The body as JSON. Raises ValueError for whatever is not."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None

    def said(self) -> str:
        """The beginning of the body, printable: the server's own message where there is one."""
        try:
            value = self.json()
        except ValueError:
            return printable(self.body)
        error = value.get("error") if isinstance(value, Mapping) else None
        message = error.get("message") if isinstance(error, Mapping) else error
        message = value.get("detail") if message is None and isinstance(value, Mapping) else message
        return printable(message) if isinstance(message, str) else printable(self.body)


@dataclass(frozen=True, slots=True)
class NoReply:
    """No whole HTTP answer."""

    kind: str
    """``unreachable`` (no connection), ``timeout`` (connected, then too slow), ``broken`` (closed, or no HTTP), ``too_large``."""
    words: str
    """Printable, for evidence."""
    run_s: float = 0.0


Replied = Reply | NoReply


def rest_s(reply: Reply, now_ms: int) -> float:
    """How long a busy server wants to be left alone: its Retry-After, in seconds or as a date, within reason.

    A date counts from the reply's own Date, if it has one: two clocks are seldom alike.
    """
    text = reply.retry_after.strip()
    try:
        seconds = float(text) if text else USUAL_REST_S
    except ValueError:
        seconds = _until(text, reply.date, now_ms)
    if not math.isfinite(seconds):
        seconds = USUAL_REST_S
    return min(MOST_REST_S, max(LEAST_REST_S, seconds))


def _until(text: str, date: str, now_ms: int) -> float:
    moment = _moment_s(text)
    start = _moment_s(date)
    if moment is None:
        return USUAL_REST_S
    return moment - (now_ms / 1000 if start is None else start)


def _moment_s(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
