"""Readings: a value or an error, with a source and a time.

``Unknown`` is not zero and not healthy: code that wants the value has to ``match`` on both cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """A value that *source* gave at *at_ms* (epoch milliseconds)."""

    value: T
    source: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """*source* could not be read at *at_ms*; *error* says why, in words for an operator."""

    error: str
    source: str
    at_ms: int


Reading = Known[T] | Unknown


@dataclass(frozen=True, slots=True)
class Depth:
    """One queue: messages by condition. ``oldest_ms`` is the age of the message whose turn is next, None if none is visible."""

    visible: int
    in_flight: int
    delayed: int
    dead: int
    oldest_ms: int | None

    @property
    def live(self) -> int:
        """Messages that will be worked on without anybody's help."""
        return self.visible + self.in_flight + self.delayed


@dataclass(frozen=True, slots=True)
class FleetView:
    """What a fleet looks like from outside: processes, not promises."""

    desired: int
    running: int
    busy: int
