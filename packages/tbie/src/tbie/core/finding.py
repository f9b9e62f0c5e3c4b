"""A diagnosed divergence: which boundary, which stable code, on what evidence, why, and what to do next.

Callers: the watchdog and ``tbie.diagnose`` build them; command lines, metrics and logs show them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

PAGES = "docs/operations/findings"
"""Where the page of each code is, from the root of the repository."""


class Boundary(StrEnum):
    """Where a divergence is."""

    TRUTH = "truth"
    BELIEF = "belief"
    INTENT = "intent"
    EXECUTION = "execution"
    CONTROL_PLANE = "control-plane"


class State(StrEnum):
    """Whether a finding still holds."""

    STANDING = "standing"  # it is so now
    REPAIRED = "repaired"  # it was so within the last minutes, and the system mended it by itself


class Evidence(NamedTuple):
    """One number, or a few words, behind a finding."""

    name: str
    value: object
    """JSON-serialisable."""
    source: str
    """Who said so: a store, a heartbeat, the ledger."""
    at_ms: int | None
    """When it was read or said, epoch milliseconds; None if nobody knows."""


class Finding(NamedTuple):
    """One thing that is not well."""

    code: str
    boundary: Boundary
    state: State
    cause: str
    """Why this usually happens, or why it happened here, in a sentence."""
    evidence: tuple[Evidence, ...]
    next_step: str

    def value(self, name: str) -> object:
        """The value of the evidence called *name*, None if there is no such evidence."""
        return next((known.value for known in self.evidence if known.name == name), None)

    @property
    def page(self) -> str:
        """The page of the runbook that explains this code."""
        return f"{PAGES}/{self.code}.md"

    def to_json(self, now_ms: int) -> dict[str, Any]:
        """As plain data, with the age of each piece of evidence."""
        return {
            "code": self.code,
            "boundary": self.boundary.value,
            "state": self.state.value,
            "cause": self.cause,
            "evidence": [
                {
                    "name": known.name,
                    "value": known.value,
                    "source": known.source,
                    "age_s": None if known.at_ms is None else round((now_ms - known.at_ms) / 1000, 3),
                }
                for known in self.evidence
            ],
            "next_step": self.next_step,
            "docs": self.page,
        }
