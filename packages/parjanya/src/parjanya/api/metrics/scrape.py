"""What every family of one scrape shares: read once, so that the numbers of one scrape belong together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parjanya.profiles.system import System
from tbie.truth import Heartbeat, StageState


@dataclass(frozen=True, slots=True)
class Scrape:
    """One look at Truth, and the handles for what is read beside it."""

    system: System
    now_ms: int
    rows: Mapping[tuple[str, StageState], int]
    beats: tuple[Heartbeat, ...]
    tenants: int

    @property
    def stages(self) -> tuple[str, ...]:
        """Names, in topological order."""
        return tuple(stage.name for stage in self.system.workflow.stages)

    @property
    def silence_ms(self) -> int:
        """A component unheard for longer than this is gone, for all that can be said."""
        return int(self.system.settings.silence_s * 1000)

    def of(self, component: str) -> list[Heartbeat]:
        """The heartbeats of *component*, the newest first."""
        return sorted((b for b in self.beats if b.component == component), key=lambda b: -b.at_ms)

    def fresh(self, component: str) -> list[Heartbeat]:
        """Those that are not silent."""
        return [b for b in self.of(component) if self.now_ms - b.at_ms <= self.silence_ms]

    @property
    def leader(self) -> Mapping[str, Any]:
        """What the reconciler that leads (or, if none says so, the last one heard) said of itself; empty if none ever did."""
        beats = self.of("reconciler")
        leading = [b for b in beats if b.body.get("role") == "leader"]
        return next(iter([*leading, *beats]), Heartbeat("", "", 0, {})).body

    def age_s(self, at_ms: int | None) -> float:
        """Seconds since then; 0 for never."""
        return 0.0 if at_ms is None else max(0.0, (self.now_ms - at_ms) / 1000)


def take(system: System) -> Scrape:
    """Read Truth.

    Raises:
        TruthUnavailableError: nothing can be said.
    """
    rows: Counter[tuple[str, StageState]] = Counter()
    for (_, name, state), count in system.truth.tally().items():
        rows[name, state] += count
    beats = tuple(system.truth.heartbeats())
    return Scrape(system, system.clock.now_ms(), rows, beats, len(system.truth.tenants()))


def number(value: object) -> float | None:
    """*value* if it is a number that a component said of itself, else None: then there is no sample."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
