"""What ``diagnose`` said while a drill ran: when each finding was first seen, and what stands now.

Caller: ``scene``. The instance is diagnosed through the same two functions as ``parjanya diagnose``.
"""

from __future__ import annotations

from typing import NamedTuple

from parjanya.profiles.embedded import System
from tbie.diagnose import diagnose, take


class Sighting(NamedTuple):
    """The first time that a finding was seen."""

    code: str
    boundary: str
    state: str
    """``standing``, or ``repaired``: it had been mended before anybody looked."""
    seconds: float
    cause: str


class Sightings:
    """Findings by code since they were last forgotten."""

    def __init__(self) -> None:
        self.first: dict[str, Sighting] = {}
        self.standing: frozenset[str] = frozenset()
        self.looks = 0

    def look(self, system: System, since_s: float) -> None:
        """Diagnose *system* now; *since_s* is the time on the drill's clock."""
        readings = take(system.workflow, system.truth, system.intent, system.clock, system.settings)
        found = diagnose(readings, system.settings).findings
        self.looks += 1
        for finding in found:
            seen = Sighting(finding.code, finding.boundary.value, str(finding.state), since_s, finding.cause)
            self.first.setdefault(finding.code, seen)
        self.standing = frozenset(finding.code for finding in found if finding.state == "standing")

    def forget(self) -> None:
        """Begin anew: what was seen before an injection is no detection."""
        self.first.clear()
