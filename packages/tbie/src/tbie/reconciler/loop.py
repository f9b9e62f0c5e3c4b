"""One pass of the control plane: stream, sweep when due, fleet size, heartbeat. Level-based: a pass may run at any time.

Callers: the engine of a profile (in a thread or a scheduled function) and ``reconcile --once``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

from tbie.belief import Beliefs, BeliefSource
from tbie.core.clock import Clock
from tbie.core.errors import IntentUnavailableError, TruthUnavailableError
from tbie.core.settings import Settings
from tbie.execution import Fleet
from tbie.intent import IntentQueue
from tbie.reconciler.emit import Emitted, Resolve
from tbie.reconciler.fleet import PoolLimits, set_sizes
from tbie.reconciler.stream import Stream
from tbie.reconciler.sweep import Sweep, Swept
from tbie.truth import Heartbeat, TruthStore
from tbie.workflow import Workflow

COMPONENT = "reconciler"


@dataclass(slots=True)
class Pass:
    """What one pass read, did, and could not see."""

    read: int = 0
    emitted: Emitted = field(default_factory=Emitted)
    swept: Swept | None = None
    desired: Mapping[str, int] = field(default_factory=dict)
    blind: list[str] = field(default_factory=list)


class Reconciler:
    """The control plane of one system."""

    def __init__(
        self,
        workflow: Workflow,
        truth: TruthStore,
        intent: IntentQueue,
        resolve: Resolve,
        clock: Clock,
        settings: Settings,
        *,
        instance: str = "1",
        belief: BeliefSource | None = None,
        fleet: Fleet | None = None,
        limits: Mapping[str, PoolLimits] | None = None,
        after_emit: Callable[[], None] = lambda: None,
    ) -> None:
        self._truth, self._clock, self._settings, self._workflow = truth, clock, settings, workflow
        self._belief, self._fleet, self._limits = belief, fleet, limits or {}
        self._instance, self._after_emit = instance, after_emit
        args = (workflow, truth, intent, resolve, clock)
        self._stream = Stream(*args, settings.stream_batch, settings.heartbeat_interval_s)
        self._sweep = Sweep(*args, settings)
        self._passes = self._emitted_total = 0
        self._totals = Emitted()
        self._next_sweep_s = self._next_beat_s = self._next_look_s = clock.monotonic_s()
        self._last_sweep_ms = 0
        self._unwritten: str | None = None
        self._asleep = True

    def step(self, force_sweep: bool = False, grace_s: float | None = None) -> Pass:
        """One pass. Never raises for a store that is away: that is a blind pass, and it says so."""
        done = Pass()
        now_s = self._clock.monotonic_s()
        try:
            self._follow(done)
            if force_sweep or now_s >= self._next_sweep_s:
                self._next_sweep_s = now_s + self._settings.sweep_interval_s
                done.swept = self._sweep.run(grace_s)
                done.emitted.add(done.swept.emitted)
                done.blind += done.swept.blind
                self._last_sweep_ms = self._clock.now_ms()
                self._follow(done)
            elif done.read == 0 and self._sweep.lift_barriers():
                self._follow(done)
        except (TruthUnavailableError, IntentUnavailableError) as error:
            done.blind.append(str(error))
        if done.emitted.sent:
            self._after_emit()
        woken = done.emitted.sent and self._asleep  # the first work in a while waits for nobody's next look
        if now_s >= self._next_look_s or done.blind or woken:
            self._next_look_s = now_s + min(self._settings.heartbeat_interval_s, 0.5)
            self._scale(done)
        self._passes += 1
        self._emitted_total += done.emitted.sent
        self._totals.add(done.emitted)
        if self._unwritten is not None:
            done.blind.append(self._unwritten)
        if now_s >= self._next_beat_s or done.blind or force_sweep:
            self._next_beat_s = now_s + self._settings.heartbeat_interval_s
            self.beat(done)
        return done

    def _follow(self, done: Pass) -> None:
        while True:
            emitted, read = self._stream.pump()
            done.emitted.add(emitted)
            done.read += read
            if emitted.sent:
                self._after_emit()  # let workers begin while the rest is still being read
            if read < self._settings.stream_batch:
                return

    def _scale(self, done: Pass) -> None:
        if self._belief is None or self._fleet is None:
            return
        beliefs: Beliefs = self._belief.read()
        done.blind += beliefs.unreadable
        try:
            done.desired = set_sizes(self._workflow, self._truth, beliefs, self._fleet, self._limits, self._settings)
            self._asleep = not any(done.desired.values())
        except TruthUnavailableError as error:
            done.blind.append(str(error))

    def beat(self, done: Pass) -> None:
        """Say in Truth what this pass could read and did. If Truth is away, silence says it."""
        body = {
            "passes": self._passes,
            "read": done.read,
            "emitted": asdict(done.emitted),
            "emitted_total": self._emitted_total,
            "totals": asdict(self._totals),
            "open": done.swept.open if done.swept else None,
            "last_sweep_ms": self._last_sweep_ms,
            "desired": dict(done.desired),
            "blind": sorted(set(done.blind)),
        }
        try:
            self._truth.beat(Heartbeat(COMPONENT, self._instance, self._clock.now_ms(), body))
            self._unwritten = None
        except TruthUnavailableError as error:
            self._unwritten = str(error)  # there is nowhere else to write: the next pass tells its caller

    def close(self) -> None:
        """Save the position in the stream."""
        self._stream.save()
