"""Readings: a value or an error, with a source and a time.

``Unknown`` is not zero and not healthy: code that wants the value has to ``match`` on both cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

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
    """One queue: messages by condition. ``oldest_ms`` is for how long the message whose turn is next has waited for somebody
    to take it, None if none is visible: the time for which it was put off does not count."""

    visible: int
    in_flight: int
    delayed: int
    dead: int
    oldest_ms: int | None

    @property
    def live(self) -> int:
        """Messages that will be worked on without anybody's help."""
        return self.visible + self.in_flight + self.delayed


class BootState(StrEnum):
    """How far a worker has come. Each step has its own budget: where one stops is where the fault is."""

    REQUESTED = "requested"  # somebody asked for it
    STARTED = "started"  # there is a process, or an instance
    REGISTERED = "registered"  # it has said that it lives
    CLAIMED = "claimed"  # it has taken a first intent
    COMPLETED = "completed"  # it has committed a first result: from here on it is a worker like any other


class Boot(NamedTuple):
    """One worker on its way."""

    owner: str
    state: BootState
    since_ms: int
    """When it entered this state, epoch milliseconds."""


class Died(NamedTuple):
    """One worker that did not leave by itself, and what it was working on (empty if nothing, or several items)."""

    owner: str
    reason: str
    stage: str
    item: str
    tenant: str
    at_ms: int
    suspects: int = 0
    """How many items it was working on."""


class Refused(NamedTuple):
    """Workers that were asked for and that whoever starts them does not give."""

    reason: str
    """``capacity``, ``quota``, ``image``, ``template``, ``permission``, ``throttled``, ``suspended`` or ``other``."""
    words: str
    """Whoever refused, in its own words."""
    since_ms: int
    """When the first of those in a row was refused, epoch milliseconds."""
    times: int
    """So many in a row."""


@dataclass(frozen=True, slots=True)
class FleetView:
    """What a fleet looks like from outside: processes, not promises."""

    desired: int
    running: int
    busy: int
    boots: tuple[Boot, ...] = ()
    """Workers that were asked for and have not completed anything yet, as far as the fleet itself can tell."""
    boot_failures: int = 0
    """Workers in a row that died before they registered."""
    last_boot_error: str | None = None
    """What the last of them said."""
    deaths: tuple[Died, ...] = ()
    """The last few workers that died."""
    refused: Refused | None = None
    """Why no more can be started, if that is so: nothing is there that could fail to boot."""
    drift: tuple[str, ...] = ()
    """How the fleet differs from what was declared, and what to do, in words."""
