"""What goes into the next batch, how large it may be, what is tried when memory was not enough: pure, without threads.

Callers: ``flow`` alone. A batch costs what its longest prompt costs, times its count, because the others are padded to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Protocol, TypeVar

MOSTLY = 0.7
"""A budget grows only by batches that used this share of it: a small one that fitted says nothing about a large one."""
BELOW_WALL = 7 / 8
"""How near to a batch that did not fit the budget comes again: each try that fails costs a whole batch."""
FORGET_AFTER = 64
"""Batches that fitted, after which a wall is tried again: another process may have let go of its share of the device."""


class Sized(Protocol):
    """One prompt, as the plan sees it."""

    @property
    def tokens(self) -> int:
        """Length before padding, at least 1."""
        ...


S = TypeVar("S", bound=Sized)
T = TypeVar("T")


def padded(batch: Sequence[Sized]) -> int:
    """Tokens that *batch* comes to on the device: count times the longest."""
    return len(batch) * max((one.tokens for one in batch), default=0)


def next_batch(waiting: Sequence[S], budget: int, most: int) -> list[S]:
    """Which of *waiting* (longest waiting first) go together next; shortest first in the answer.

    The one that waits longest is always among them, so none starves. With it go its neighbours by length, as many as keep
    the padded tokens within *budget* and the count within *most*, chosen to carry the most tokens that are no padding. One
    that exceeds the budget on its own goes alone: whether it fits, the device will say.
    """
    if not waiting:
        return []
    ranked = sorted(enumerate(waiting), key=lambda pair: (pair[1].tokens, pair[0]))
    by_length = [one for _, one in ranked]
    oldest = next(place for place, (age, _) in enumerate(ranked) if age == 0)
    before = [0, *accumulate(one.tokens for one in by_length)]
    best, useful = (oldest, oldest + 1), 0
    for last in range(oldest, len(by_length)):
        count = min(most, budget // by_length[last].tokens)
        first = max(0, last - count + 1)
        if first > oldest:
            break  # from here on longer neighbours would push the oldest out
        if before[last + 1] - before[first] > useful:
            best, useful = (first, last + 1), before[last + 1] - before[first]
    return by_length[slice(*best)]


@dataclass(frozen=True, slots=True)
class Budget:
    """How many padded tokens a batch may have. It grows by steps and halves at once, and remembers where it hit a wall."""

    tokens: int
    """In force now."""
    floor: int
    """Never fewer."""
    ceiling: int
    """Never more."""
    step: int
    """By how much it grows: small beside the budget, so that the batch that is too large comes late."""
    wall: int | None = None
    """Padded tokens of the last batch that did not fit."""
    since_wall: int = 0
    """Batches that fitted since then."""

    @classmethod
    def first(cls, room: int, floor: int, ceiling: int) -> Budget:
        """From a first guess; a sixteenth of it is the step."""
        tokens = min(max(room, floor), ceiling)
        return cls(tokens, floor, ceiling, max(1, tokens // 16))

    def fitted(self, used: int) -> Budget:
        """After a batch of *used* padded tokens that fitted."""
        since, wall = self.since_wall + 1, self.wall
        if wall is not None and (used >= wall or since >= FORGET_AFTER):
            wall = None
        grown = self.tokens
        if used >= MOSTLY * self.tokens:
            highest = self.ceiling if wall is None else min(self.ceiling, int(wall * BELOW_WALL))
            grown = max(self.tokens, min(self.tokens + self.step, highest))
        return replace(self, tokens=grown, wall=wall, since_wall=since)

    def slow(self, used: int, took_s: float, most_s: float) -> Budget:
        """After a batch of *used* padded tokens that took *took_s*, longer than *most_s*: so many that it would not have."""
        return replace(self, tokens=max(self.floor, int(used * most_s / took_s)), wall=used, since_wall=0)

    def failed(self, used: int) -> Budget:
        """After a batch of *used* padded tokens that did not fit."""
        return replace(self, tokens=max(self.floor, min(self.tokens, used) // 2), wall=used, since_wall=0)


def halves(batch: Sequence[T]) -> tuple[list[T], list[T]]:
    """*batch* (two or more) in two, neither empty: the same inputs, in smaller pieces."""
    middle = len(batch) // 2
    return list(batch[:middle]), list(batch[middle:])


def fewer_pixels(pixels: int, floor: int) -> int | None:
    """The next smaller pixel budget, None if *pixels* is the smallest there is."""
    return max(floor, pixels // 2) if pixels > floor else None
