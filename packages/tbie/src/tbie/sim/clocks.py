"""Clocks of a simulation: one true time, and for each process its own view of it, which may be wrong.

Callers: ``world`` and ``process``. A store stamps with the clock of whoever calls it, as a file shared by processes does.
"""

from __future__ import annotations

from tbie.core.clock import Clock, ManualClock


class SkewedClock:
    """The wall clock of one machine: true time plus an error. Durations are measured correctly, as they are in life."""

    __slots__ = ("_clock", "skew_ms")

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.skew_ms = 0

    def now_ms(self) -> int:
        return self._clock.now_ms() + self.skew_ms

    def monotonic_s(self) -> float:
        return self._clock.monotonic_s()


class CallersClock:
    """The clock that a store looks at: that of the process which is calling it."""

    __slots__ = ("caller",)

    def __init__(self, clock: Clock) -> None:
        self.caller = clock

    def now_ms(self) -> int:
        return self.caller.now_ms()

    def monotonic_s(self) -> float:
        return self.caller.monotonic_s()
