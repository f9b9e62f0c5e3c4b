"""What one pass did, and how it is told in Truth: the heartbeat that the watchdog, the diagnosis and the metrics read.

Caller: ``loop``. What a body holds is in ``heartbeat``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tbie.belief import Beliefs
from tbie.core.clock import Clock
from tbie.core.errors import TruthUnavailableError
from tbie.core.settings import Settings
from tbie.reconciler.emit import Emitted
from tbie.reconciler.heartbeat import RECONCILER, coverage_body, deaths_body, fleet_body
from tbie.reconciler.leader import Role
from tbie.reconciler.skew import SkewWatch
from tbie.reconciler.stream import Stream
from tbie.reconciler.sweep import Swept
from tbie.truth import Document, Heartbeat, TruthStore


@dataclass(slots=True)
class Pass:
    """What one pass read, did, and could not see."""

    read: int = 0
    emitted: Emitted = field(default_factory=Emitted)
    swept: Swept | None = None
    """The sweep that finished in this pass."""
    desired: Mapping[str, int] = field(default_factory=dict)
    blind: list[str] = field(default_factory=list)
    role: Role = Role.OPERATOR
    more: bool = False
    """The stream or a sweep has more to do at once: do not wait for a bell."""
    unnoted: str | None = None
    """Why decisions are not in the ledger. Work goes on all the same."""


class Teller:
    """Counts passes, and tells of the last one in Truth."""

    def __init__(self, truth: TruthStore, clock: Clock, settings: Settings, instance: str) -> None:
        self._truth, self._clock, self._instance = truth, clock, instance
        self._skew = SkewWatch(settings.clock_tolerance_s)
        self._passes = self._emitted_total = self._last_sweep_ms = 0
        self._totals, self._swept = Emitted(), Swept()
        self.fenced_ms = 0
        """When this reconciler last learnt that it had been deposed."""
        self.unwritten: str | None = None
        """Why the last heartbeat is not in Truth."""

    def count(self, done: Pass) -> None:
        """One more pass."""
        self._passes += 1
        self._emitted_total += done.emitted.sent
        self._totals.add(done.emitted)

    def finished(self, swept: Swept) -> None:
        """A sweep has come to its end."""
        self._swept, self._last_sweep_ms = swept, self._clock.now_ms()

    def beat(
        self,
        done: Pass,
        component: str,
        term: Document | None,
        pauses: int,
        stream: Stream | None,
        beliefs: Beliefs | None,
    ) -> None:
        """Write the heartbeat. *stream*: None if nobody here reads it. If Truth is away there is nowhere else to write."""
        try:
            body = self._did(done, term, pauses)
            if component == RECONCILER:
                # what a sweep could not read nobody has read until the next one has: no pass between them sees it again
                body["blind"] = sorted({*body["blind"], *self._swept.blind})
                body |= self._knows(done, stream, beliefs)
            self._truth.beat(Heartbeat(component, self._instance, self._clock.now_ms(), body))
            self.unwritten = None
        except TruthUnavailableError as error:
            self.unwritten = str(error)  # the next pass tells its caller

    def _did(self, done: Pass, term: Document | None, pauses: int) -> dict[str, Any]:
        """What it has done itself: costs no call."""
        return {
            "role": done.role.value,
            "epoch": term.revision if term is not None else None,
            "passes": self._passes,
            "read": done.read,
            "emitted": done.emitted.to_json(),
            "emitted_total": self._emitted_total,
            "totals": self._totals.to_json(),
            "desired": dict(done.desired),
            "blind": sorted({*done.blind, *([done.unnoted] if done.unnoted else [])}),
            "pauses": pauses,
            "fenced_ms": self.fenced_ms,
        }

    def _knows(self, done: Pass, stream: Stream | None, beliefs: Beliefs | None) -> dict[str, object]:
        """What it knows of the system."""
        beats = self._truth.heartbeats()
        return {
            "open": done.swept.open if done.swept else None,
            "last_sweep_ms": self._last_sweep_ms,
            "pushed": stream is None,
            "cursor": stream.seq if stream is not None else None,
            "lag": stream.lag if stream is not None else None,
            "tenants": len(self._truth.tenants()),
            "fleet": fleet_body(beliefs, beats),
            "deaths": deaths_body(beliefs),
            "skew": self._skew.look(beats, self._clock.now_ms(), self._clock.monotonic_s()),
            "coverage": coverage_body(self._swept.coverage),
            "coverage_at_ms": self._last_sweep_ms,
        }
