"""What ``diagnose`` said while a drill ran: when each finding was first seen, and what stands now.

Caller: ``scene``. The instance is diagnosed through the same two functions as ``parjanya diagnose``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import NamedTuple

from parjanya.profiles.system import System
from tbie.core.finding import State
from tbie.diagnose import diagnose, take


class Sighting(NamedTuple):
    """The first time that a finding was seen."""

    code: str
    boundary: str
    state: str
    """``standing``, or ``repaired``: it had been mended before anybody looked."""
    seconds: float
    looks: int
    """The diagnoses since then, this one included: what a busy machine cannot stretch."""
    cause: str


class Sightings:
    """Findings by code since they were last forgotten."""

    def __init__(self) -> None:
        self.first: dict[str, Sighting] = {}
        self.standing: frozenset[str] = frozenset()
        self.before: frozenset[str] = frozenset()
        """What had been found when the incident was injected."""
        self._looks = 0

    def look(self, system: System, since_s: Callable[[], float]) -> None:
        """Diagnose *system* now; *since_s* tells the time on the drill's clock, and is asked when the answer is there."""
        readings = take(
            system.workflow,
            system.truth,
            system.intent,
            system.clock,
            system.settings,
            ledger=system.ledger,
            room_bytes=lambda: shutil.disk_usage(system.home.root).free,
        )
        found = diagnose(readings, system.settings).findings
        self._looks += 1
        at_s = since_s()
        for finding in found:
            seen = Sighting(finding.code, finding.boundary.value, finding.state.value, at_s, self._looks, finding.cause)
            self.first.setdefault(finding.code, seen)
        self.standing = frozenset(finding.code for finding in found if finding.state is State.STANDING)

    def forget(self) -> None:
        """Begin anew: what was seen before an injection is no detection."""
        self.before = frozenset(self.first)
        self.first.clear()
        self._looks = 0
