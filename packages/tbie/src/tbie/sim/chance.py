"""Chance that is the same on every machine and in every version of Python: SplitMix64, a few integer operations a draw.

Callers: everything in ``sim`` that draws. The standard library's generator promises the same numbers, but not the same
choices, from one version to the next; a seed in the corpus has to mean the same run for years.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15


class Chance:
    """A seeded generator."""

    __slots__ = ("_state",)

    def __init__(self, *seed: int) -> None:
        self._state = 0
        for part in seed:  # so that (1, 2) and (2, 1) are different generators
            self._state = (self._state ^ (part & _MASK)) & _MASK
            self._state = self.bits()

    def bits(self) -> int:
        """Sixty-four bits."""
        self._state = (self._state + _STEP) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def below(self, limit: int) -> int:
        """An integer from 0 to *limit* - 1. The bias for small limits is below 2⁻⁵⁰."""
        return self.bits() % limit

    def between(self, low: int, high: int) -> int:
        """An integer from *low* to *high*, both included."""
        return low + self.bits() % (high - low + 1)

    def percent(self, share: int) -> bool:
        """True *share* times in a hundred."""
        return self.bits() % 100 < share

    def pick(self, options: Sequence[T]) -> T:
        """One of *options*."""
        return options[self.bits() % len(options)]
