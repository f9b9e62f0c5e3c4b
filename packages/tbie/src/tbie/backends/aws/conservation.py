"""Presence by conservation: what a queue that cannot be asked for a message must hold, and what is missing. Pure.

SQS answers three questions: how many messages may be received, are in flight, are delayed. The register says how many there
should be. If the queue holds fewer, that many of its rows have no message, and the ones that nobody has touched for the longest
are taken for them: some wrongly, whose messages then are superseded and, when somebody receives them, dropped; that lowers the
count, and the next look finds the rest. Nothing is concluded from one look: counts may be a minute late, and messages move while
they are counted. docs/adr/0028-presence-by-conservation.md has the argument; a simulation in the tests checks it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence, Set
from typing import NamedTuple

CERTAIN_LOOKS = 2
"""Looks in a row that must agree on what is missing among the rows that were old at each of them."""
LIKELY_LOOKS = 5
"""The same where rows count that are so young that the queue may not yet count their messages: under steady traffic there are
always some, and they must not hide a loss for ever."""
MOST_AT_ONCE = 50_000
"""Rows given up in one look: what is kept in memory."""


class Sent(NamedTuple):
    """One row of the register: a message that should be in the queue."""

    pk: str
    sk: str
    token: str
    mid: str
    at_ms: int
    """When its message was last sent."""
    due_ms: int
    sent_ms: int


class Look(NamedTuple):
    """What one comparison of register and queue found missing."""

    at_ms: int
    certain: int
    """Rows old enough to be counted, less messages. Below 0: there are more messages than such rows."""
    likely: int
    """All rows, less messages."""


class Judgement(NamedTuple):
    """What to conclude."""

    missing: tuple[Sent, ...]
    """Rows whose messages are taken for lost, the longest untouched first."""
    looks: tuple[Look, ...]
    """What to remember for the next time."""
    oldest_sent_ms: int | None
    """The earliest that anything in the register was first sent."""
    rows: int


def judge(
    rows: Iterable[Sent],
    held: Set[str],
    messages: int,
    counted_ms: int,
    settle_ms: int,
    before: Sequence[Look],
    most: int = MOST_AT_ONCE,
) -> Judgement:
    """Compare the *rows* of one queue with the number of its *messages*.

    Args:
        rows: read after the messages were counted.
        held: identifiers of messages in somebody's hands now; their rows are not taken for the lost ones.
        messages: visible, in flight and delayed together.
        counted_ms: when they were counted.
        settle_ms: after this long a count is right.
        before: what earlier comparisons found, oldest first.
        most: rows given up at once.
    """
    usable = _usable(before, counted_ms, settle_ms)
    steady_ms = usable[-(LIKELY_LOOKS - 1)].at_ms if len(usable) >= LIKELY_LOOKS - 1 else None
    count = old = 0
    oldest: int | None = None
    heap: list[tuple[int, int, Sent]] = []  # the largest first, so that it is the one to go
    for serial, row in enumerate(rows):
        count += 1
        oldest = row.sent_ms if oldest is None else min(oldest, row.sent_ms)
        if row.at_ms > counted_ms - settle_ms:
            continue
        old += 1
        if row.mid not in held:
            entry = (-max(row.at_ms, row.due_ms), -serial, row)
            if len(heap) < most:
                heapq.heappush(heap, entry)
            else:
                heapq.heappushpop(heap, entry)
    now = Look(counted_ms, old - messages, count - messages)
    candidates = [row for _, _, row in sorted(heap, reverse=True)]
    certain = min(now.certain, *(look.certain for look in usable[-(CERTAIN_LOOKS - 1) :])) if usable else 0
    missing = candidates[: max(0, certain)]
    if steady_ms is not None:
        likely = min(now.likely, *(look.likely for look in usable[-(LIKELY_LOOKS - 1) :]))
        waiting = [row for row in candidates if row.at_ms <= steady_ms - settle_ms]
        missing = max(missing, waiting[: max(0, likely)], key=len)
    gone = len(missing)
    # rows given up are gone from the register: what earlier looks saw of them must not be concluded from again
    kept = [Look(look.at_ms, look.certain - gone, look.likely - gone) for look in (*usable, now)]
    return Judgement(tuple(missing), tuple(kept[-LIKELY_LOOKS:]), oldest, count)


def _usable(before: Sequence[Look], now_ms: int, settle_ms: int) -> list[Look]:
    """Earlier looks that are at least *settle_ms* apart, up to this one; none from a clock that is ahead."""
    kept: list[Look] = []
    limit_ms = now_ms
    for look in sorted(before, reverse=True):
        if look.at_ms <= limit_ms - settle_ms:
            kept.append(look)
            limit_ms = look.at_ms
    return kept[::-1]
