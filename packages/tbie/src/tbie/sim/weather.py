"""The faults that stand at the moment, as the world looks them up at each call.

Callers: ``faults`` begin and end them, ``world`` and the actors ask.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tbie.sim.plan import Planned


@dataclass(slots=True)
class Armed:
    """A fault that strikes at the next call of its kind."""

    fault: Planned
    kind: str
    """Of process: reconciler, worker, fleet."""
    what: str
    """The call, ``truth.commit`` say."""
    action: str
    """crash_before, crash_after, or pause."""


@dataclass(slots=True)
class Weather:
    """What is wrong now."""

    away: Counter[str] = field(default_factory=Counter)
    """By store (truth, intent): how many faults keep it away."""
    blind: Counter[str] = field(default_factory=Counter)
    """By reading (intent.presence, intent.depth, fleet.view): how many faults make it unreadable."""
    denied: int = 0
    """How many faults keep reconcilers, and them alone, from reading the queue."""
    stale: Counter[str] = field(default_factory=Counter)
    """By reading: how many faults make it answer what it answered before."""
    remembered: dict[str, Any] = field(default_factory=dict)
    """What each stale reading goes on answering."""
    drifted: Counter[str] = field(default_factory=Counter)
    """By pool: how many faults have changed the machines of its workers."""
    boot_fails: Counter[str] = field(default_factory=Counter)
    """By pool: workers die before they register."""
    boot_silent: Counter[str] = field(default_factory=Counter)
    """By pool: workers start and never register."""
    moods: dict[Planned, tuple[str, str]] = field(default_factory=dict)
    """By fault: the stage whose handlers misbehave, and how (retry, raise, terminal)."""
    once: list[tuple[Planned, str]] = field(default_factory=list)
    """What the next handlers do, once each: die, hang, linger, unstorable."""
    armed: list[Armed] = field(default_factory=list)
    standing: dict[Planned, int] = field(default_factory=dict)
    """Faults that have begun and not ended, with the step at which they end."""

    def store_is_away(self, what: str) -> bool:
        """Whether the store of this call cannot be reached."""
        return bool(self.away) and self.away[what.partition(".")[0]] > 0
