"""What may be read of the queues: depth, presence, what has expired. Every number is known, or unknown with AWS's words.

Presence is by conservation (``conservation``): once in ``count_settle_s`` the rows of a stage are compared with the counts of its
queue, and rows whose messages are missing are deleted; then a row means that its message is there. What was found missing is
remembered in the register, so that the next look may be another process's.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tbie.backends.aws.conservation import Look, judge
from tbie.backends.aws.copies import Death, Name, Row, name_of, superseded
from tbie.backends.aws.hands import Hands, unpack
from tbie.backends.aws.place import Place
from tbie.backends.aws.posting import Post
from tbie.backends.aws.register import Forget, Register
from tbie.backends.aws.settling import Settler
from tbie.backends.aws.sorting import Held, parsed
from tbie.core.clock import Clock
from tbie.core.errors import IntentUnavailableError
from tbie.core.keys import ItemKey
from tbie.core.reading import Depth, Known, Reading, Unknown
from tbie.intent import Presence

OLDEST_MS = 30_000
"""How long the age of the oldest message is reckoned from one look at the register."""
OLDEST_ROWS = 5_000
"""Rows looked at for it: they are in no order, so of more than these it is the oldest of a fair sample."""
SIGHTED_MS = 5_000
"""How long a queue that could be counted is taken for one that can."""
DEAD_HIDDEN_S = 3_600
"""For how long a dead letter that was looked at is not looked at again."""
DEAD_AT_ONCE = 200


class _Oldest(NamedTuple):
    since_ms: int | None
    looked_ms: int


class Watch:
    """Reads queues and register of one place."""

    def __init__(
        self,
        place: Place,
        post: Post,
        register: Register,
        hands: Hands,
        settler: Settler,
        clock: Clock,
        settle_s: float,
    ) -> None:
        self._place, self._post, self._register, self._hands = place, post, register, hands
        self._settler, self._clock = settler, clock
        self._settle_ms = int(settle_s * 1000)
        self._looked_ms: dict[str, int] = {}
        self._oldest: dict[str, _Oldest] = {}
        self._oldest_ms: dict[str, int] = {}
        self._others: dict[str, Held] = {}
        self._counted_ms: dict[str, int] = {}
        self._blind: dict[str, str] = {}

    def changed(self, stage: str, came: bool = False) -> None:
        """This process changed something in the queue of *stage*; *came* if all it did was to send."""
        known = self._oldest.get(stage)
        if known is not None and (not came or known.since_ms is None):  # what comes is not the oldest
            del self._oldest[stage]

    def depth(self, stage: str) -> Reading[Depth]:
        """How many messages there are, by condition."""
        now, source = self._clock.now_ms(), self._place.queue(stage)
        try:
            visible, in_flight, delayed = self._counts(stage, now)
            dead = sum(self._post.counts(self._place.dead_queue(stage)))
            oldest = self._oldest_since(stage, now) if visible else None
        except IntentUnavailableError as error:
            return Unknown(str(error), source, now)
        age = None if oldest is None else max(0, now - oldest)
        return Known(Depth(visible, in_flight, delayed, dead, age), source, now)

    def _oldest_since(self, stage: str, now: int) -> int | None:
        known = self._oldest.get(stage)
        if known is None or now - known.looked_ms > OLDEST_MS:
            held = {**self._others, **self._hands.all(now)}
            rows = itertools.islice(self._register.sent(stage), OLDEST_ROWS)
            ready = [max(s.sent_ms, s.due_ms) for s in rows if s.due_ms <= now and s.mid not in held]
            known = self._oldest[stage] = _Oldest(min(ready, default=None), now)
        return known.since_ms

    def presence(self, stage: str, keys: Sequence[ItemKey]) -> Reading[Mapping[ItemKey, Presence]]:
        """Which of *keys* have a message, live or dead. Changes nothing: ``expire`` compares register and queue."""
        now, source = self._clock.now_ms(), self._place.queue(stage)
        try:
            self._check_sight(stage, now)
            names = {key: name_of(stage, key) for key in keys}
            rows = self._register.rows(names.values(), now)
        except IntentUnavailableError as error:
            return Unknown(str(error), source, now)
        held = {**self._others, **self._hands.all(now)}
        found = {key: _presence(rows[name], held) for key, name in names.items() if name in rows}
        return Known(found, source, now)

    def _check_sight(self, stage: str, now: int) -> None:
        """Whoever may not count cannot tell what is missing, and must say so instead of going on by the register alone."""
        if stage in self._blind:
            raise IntentUnavailableError(self._blind[stage])
        if not 0 <= now - self._counted_ms.get(stage, -SIGHTED_MS - 1) < SIGHTED_MS:
            self._counts(stage, now)

    def _counts(self, stage: str, now: int) -> tuple[int, int, int]:
        self._counted_ms.pop(stage, None)
        counts = self._post.counts(self._place.queue(stage))
        self._counted_ms[stage] = now
        return counts

    def _look_at(self, stages: Sequence[str], now: int) -> None:
        """Compare register and queues, unless somebody did so a moment ago. What cannot be read makes presence unknown."""
        due = [stage for stage in stages if stage in self._blind or not self._recent(self._looked_ms.get(stage), now)]
        if not due:
            return
        try:
            looks = self._register.looks(due)
            others = [found for packed in self._register.hands() if (found := unpack(packed)) is not None]
        except IntentUnavailableError as error:
            self._blind |= dict.fromkeys(due, str(error))
            return
        self._others = {each.mid: each for each in others if each.until_ms > now}
        for stage in due:
            try:
                before, oldest_ms = looks.get(stage, ((), None))
                self._oldest_ms.setdefault(stage, now if oldest_ms is None else oldest_ms)
                self._look(stage, before, now)
                self._blind.pop(stage, None)
            except IntentUnavailableError as error:
                self._blind[stage] = str(error)

    def _recent(self, at_ms: int | None, now: int) -> bool:
        return at_ms is not None and 0 <= now - at_ms < self._settle_ms

    def _look(self, stage: str, before: Sequence[Look], now: int) -> None:
        counted = sum(self._counts(stage, now))
        if before and self._recent(before[-1].at_ms, now):
            self._looked_ms[stage] = before[-1].at_ms
            return
        self._drain_dead(stage, now)
        held = {**self._others, **self._hands.all(now)}
        verdict = judge(self._register.sent(stage), set(held), counted, now, self._settle_ms, before)
        self._register.note([Forget(Name(s.pk, s.sk), s.token, s.mid) for s in verdict.missing])
        self._register.save_looks(stage, verdict.looks, verdict.oldest_sent_ms)
        self._oldest_ms[stage] = now if verdict.oldest_sent_ms is None else verdict.oldest_sent_ms
        self._looked_ms[stage] = now

    def _drain_dead(self, stage: str, now: int) -> None:
        """What SQS itself moved to the dead letters is registered as dead, so that Truth learns of it."""
        queue = self._place.dead_queue(stage)
        received = [each for each in self._post.drain(queue, DEAD_AT_ONCE, DEAD_HIDDEN_S) if each.why is None]
        held, foreign = parsed(received, stage, now, now)
        self._settler.give_reasons(stage, foreign)
        rows = self._register.rows((each.name for each in held), now)
        moved, junk = [], []
        for each in held:
            if superseded(each.copy, each.mid, rows.get(each.name)):
                junk.append(each.handle)
            else:
                before = each.receives - 1  # to look at it here was one more
                death = Death("receives_exhausted", {"receives": before, "moved_by": "sqs"}, now, before)
                moved.append((each, death))
        unknown = {each.name for each, _ in moved if each.name not in rows}
        self._settler.register_dead(stage, moved, unknown)
        self._post.delete(queue, junk)

    def expire(self, stages: Sequence[str], retention_ms: int) -> int:
        """Drop the rows of messages that SQS has dropped for their age; returns how many. Then look for what else is missing.

        The rows are gone through only when one of them can be so old.
        """
        now = self._clock.now_ms()
        over_ms = now - retention_ms
        gone = 0
        for stage in stages:
            if self._oldest_ms.get(stage, now) > over_ms:
                continue
            rows = list(self._register.sent(stage))
            over = [row for row in rows if row.sent_ms <= over_ms]
            self._register.note([Forget(Name(s.pk, s.sk), s.token, s.mid) for s in over])
            gone += len(over)
            self._oldest_ms[stage] = min((row.sent_ms for row in rows if row.sent_ms > over_ms), default=now)
        self._look_at(stages, now)
        return gone


def _presence(row: Row, held: Mapping[str, Held]) -> Presence:
    if row.death is not None:
        told = {"reason": row.death.reason, **row.death.evidence}
        return Presence(row.token, True, row.death.receives, told, row.address)
    holder = held.get(row.mid)
    receives = row.behind if holder is None else holder.receives
    return Presence(row.token, False, receives, None, row.address, row.sent_ms)
