"""Belief: the running system as it was last read. Derived, never stored, and never trusted further than its age.

Callers: the reconciler (fleet size, blind or not), ``status`` and the watchdog.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from tbie.core.reading import Depth, FleetView, Reading, Unknown


@dataclass(frozen=True, slots=True)
class Beliefs:
    """One look at everything: queue depth by stage, fleet by pool."""

    queues: Mapping[str, Reading[Depth]]
    fleets: Mapping[str, Reading[FleetView]]

    @property
    def unreadable(self) -> tuple[str, ...]:
        """What could not be read, as ``source: error``; empty when sighted."""
        readings = [*self.queues.items(), *self.fleets.items()]
        return tuple(f"{r.source} ({name}): {r.error}" for name, r in readings if isinstance(r, Unknown))


class BeliefSource(Protocol):
    """Takes the readings. Never raises: what cannot be read is ``Unknown``."""

    def read(self) -> Beliefs:
        """Look at every queue and every fleet now."""
        ...


@dataclass(frozen=True, slots=True)
class Readers:
    """A ``BeliefSource`` made of one reader for each queue and each fleet."""

    queues: Mapping[str, Callable[[], Reading[Depth]]]
    fleets: Mapping[str, Callable[[], Reading[FleetView]]]

    def read(self) -> Beliefs:
        """Ask every reader."""
        return Beliefs({n: read() for n, read in self.queues.items()}, {n: read() for n, read in self.fleets.items()})
