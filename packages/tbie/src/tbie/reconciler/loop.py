"""One pass of the control plane: stream, sweep when due, pauses, fleet size, heartbeat. Level-based: a pass may run at any time.

Callers: the engine of a profile (in a thread or a scheduled function) and ``reconcile --once``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tbie.belief import Beliefs, BeliefSource
from tbie.core.clock import Clock
from tbie.core.errors import FencedError, IntentUnavailableError, TruthUnavailableError
from tbie.core.settings import Settings
from tbie.execution import Fleet
from tbie.intent import IntentQueue
from tbie.reconciler.barriers import lift_barriers
from tbie.reconciler.desk import Desk, Resolve
from tbie.reconciler.emit import Emitted
from tbie.reconciler.fleet import PoolLimits, set_sizes
from tbie.reconciler.heartbeat import coverage_body, deaths_body, fleet_body
from tbie.reconciler.leader import Leadership, Role
from tbie.reconciler.ledger import Ledger
from tbie.reconciler.notes import Notes
from tbie.reconciler.pausing import Pausing
from tbie.reconciler.skew import SkewWatch
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
    """The sweep that finished in this pass."""
    desired: Mapping[str, int] = field(default_factory=dict)
    blind: list[str] = field(default_factory=list)
    role: Role = Role.OPERATOR
    more: bool = False
    """The stream or a sweep has more to do at once: do not wait for a bell."""
    unnoted: str | None = None
    """Why decisions are not in the ledger. Work goes on all the same."""


class Reconciler:
    """The control plane of one system.

    Args:
        leadership: leads under it or stands by; without, every pass acts as an operator's, safe by compare-and-set alone.
        ledger: where decisions are kept; without, nowhere.
        refresh: called first in each pass: declares in *workflow* what holds by now. A pass whose refresh fails is blind.
    """

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
        leadership: Leadership | None = None,
        ledger: Ledger | None = None,
        refresh: Callable[[], object] = lambda: None,
    ) -> None:
        self._truth, self._clock, self._settings, self._workflow = truth, clock, settings, workflow
        self._belief, self._fleet, self._limits = belief, fleet, limits or {}
        self._instance, self._after_emit, self._leadership = instance, after_emit, leadership
        self._refresh = refresh
        self._notes = Notes(ledger, clock, settings.ledger_rows)
        self._desk = Desk(workflow, truth, intent, resolve, clock, settings, self._notes)
        self._pausing = Pausing(self._desk)
        self._stream = Stream(self._desk, self._pausing.saw)
        self._sweep = Sweep(self._desk, self._pausing)
        self._skew = SkewWatch(settings.clock_tolerance_s)
        self._passes = self._emitted_total = 0
        self._totals = Emitted()
        self._next_sweep_s = self._next_beat_s = self._next_look_s = clock.monotonic_s()
        self._last_sweep_ms = self._fenced_ms = 0
        self._began_s = self._next_beat_s
        self._swept = Swept()
        self._beliefs: Beliefs | None = None
        self._unwritten: str | None = None
        self._asleep = True

    def step(self, force_sweep: bool = False, grace_s: float | None = None) -> Pass:
        """One pass. Never raises for a store that is away: that is a blind pass, and it says so."""
        done = Pass()
        now_s = self._began_s = self._clock.monotonic_s()
        try:
            self._refresh()
            if self._leads(done):
                self._reconcile(done, force_sweep, grace_s)
        except FencedError:
            assert self._leadership is not None, "only a leader has a fence"
            self._leadership.depose()
            self._fenced_ms = self._clock.now_ms()
            done.role = Role.STANDBY
        except (TruthUnavailableError, IntentUnavailableError) as error:
            done.blind.append(str(error))
        if done.emitted.sent:
            self._after_emit()
        woken = done.emitted.sent and self._asleep  # the first work in a while waits for nobody's next look
        if done.role is not Role.STANDBY and (now_s >= self._next_look_s or done.blind or woken):
            self._next_look_s = now_s + min(self._settings.heartbeat_interval_s, 0.5)
            self._scale(done)
        self._passes += 1
        self._emitted_total += done.emitted.sent
        self._totals.add(done.emitted)
        self._notes.write(busy=done.read > 0)
        done.unnoted = self._notes.trouble
        if self._unwritten is not None:
            done.blind.append(self._unwritten)
        if now_s >= self._next_beat_s or done.blind or force_sweep:
            self._next_beat_s = now_s + self._settings.heartbeat_interval_s
            self.beat(done)
        return done

    def _leads(self, done: Pass) -> bool:
        """Whether to act in this pass; takes up the work where the last leader left it."""
        if self._leadership is None:
            return True
        before, self._desk.fence = self._desk.fence, None
        done.role = Role.STANDBY
        self._desk.fence = self._leadership.hold()
        if self._desk.fence is None:
            if (
                before is not None
            ):  # somebody took over while we were away: whoever comes late learns that there were two
                self._fenced_ms = self._clock.now_ms()
            return False
        done.role = Role.LEADER
        if before is None:
            self._stream.resume()
            self._pausing.forget()
            self._next_sweep_s = self._next_beat_s = self._clock.monotonic_s()
        return True

    def _stay(self, done: Pass) -> None:
        """In the middle of a pass that may be long (the first one looks at everything): stay in office, and say so.

        Raises:
            FencedError: somebody else has taken over meanwhile.
        """
        if self._leadership is not None:
            self._desk.fence = self._leadership.hold() or self._desk.fence
            if self._leadership.term is None:
                raise FencedError("somebody else leads now")
        now_s = self._clock.monotonic_s()
        if now_s >= max(self._next_beat_s, self._began_s + self._settings.heartbeat_interval_s):
            self._next_beat_s = now_s + self._settings.heartbeat_interval_s
            self.beat(done)

    def _reconcile(self, done: Pass, force_sweep: bool, grace_s: float | None) -> None:
        self._follow(done, force_sweep)
        done.emitted.add(self._pausing.turn())
        now_s = self._clock.monotonic_s()
        due = now_s >= self._next_sweep_s or self._pausing.wants_sweep
        if force_sweep or (due and not self._sweep.under_way):
            self._next_sweep_s = now_s + self._settings.sweep_interval_s
            self._sweep.begin(grace_s)
        if self._sweep.under_way:
            self._sweep_on(done, None if force_sweep else self._settings.sweep_share_pages)
            self._follow(done, force_sweep)
        if done.swept is None and done.read == 0 and lift_barriers(self._desk):
            self._follow(done, force_sweep)
        done.more = done.more or self._sweep.under_way

    def _follow(self, done: Pass, to_the_end: bool) -> None:
        """Read the stream: to its end, or as much as leaves the sweep its turn."""
        batches = 0
        while to_the_end or batches < self._settings.stream_batches:
            emitted, read = self._stream.pump()
            done.emitted.add(emitted)
            done.read += read
            batches += 1
            if emitted.sent:
                self._after_emit()  # let workers begin while the rest is still being read
            if read < self._settings.stream_batch:
                done.more = False
                return
            self._stay(done)
        done.more = True

    def _sweep_on(self, done: Pass, pages: int | None) -> None:
        swept = self._sweep.swept
        before, blind = replace(swept.emitted), len(swept.blind)
        finished = False
        try:
            while not finished and (pages is None or pages > 0):
                finished = self._sweep.go_on(1, self._stream.followed_ms)
                pages = None if pages is None else pages - 1
                self._stay(done)
                if not finished:
                    done.emitted.add(self._stream.look_ahead())  # what just opened waits for a page, not for a sweep
        finally:
            done.emitted.add(swept.emitted.since(before))
            done.blind += swept.blind[blind:]
        if finished:
            done.swept = self._swept = swept
            self._last_sweep_ms = self._clock.now_ms()

    def _scale(self, done: Pass) -> None:
        if self._belief is None or self._fleet is None:
            return
        beliefs = self._beliefs = self._belief.read()
        done.blind += beliefs.unreadable
        try:
            done.desired = set_sizes(
                self._workflow, self._desk.tally(), beliefs, self._fleet, self._limits, self._settings
            )
            self._asleep = not any(done.desired.values())
        except TruthUnavailableError as error:
            done.blind.append(str(error))

    def beat(self, done: Pass) -> None:
        """Say in Truth what this pass could read and did. If Truth is away, silence says it."""
        try:
            self._truth.beat(Heartbeat(COMPONENT, self._instance, self._clock.now_ms(), self._body(done)))
            self._unwritten = None
        except TruthUnavailableError as error:
            self._unwritten = str(error)  # there is nowhere else to write: the next pass tells its caller

    def _body(self, done: Pass) -> dict[str, object]:
        beats = self._truth.heartbeats()
        term = self._desk.fence if done.role is Role.LEADER else None
        return {
            "role": done.role.value,
            "epoch": term.revision if term is not None else None,
            "passes": self._passes,
            "read": done.read,
            "emitted": done.emitted.to_json(),
            "emitted_total": self._emitted_total,
            "totals": self._totals.to_json(),
            "open": done.swept.open if done.swept else None,
            "last_sweep_ms": self._last_sweep_ms,
            "desired": dict(done.desired),
            "blind": sorted({*done.blind, *([done.unnoted] if done.unnoted else [])}),
            "cursor": self._stream.seq,
            "lag": self._stream.lag,
            "tenants": len(self._truth.tenants()),
            "fleet": fleet_body(self._beliefs, beats),
            "pauses": self._pausing.count,
            "deaths": deaths_body(self._beliefs),
            "skew": self._skew.look(beats, self._clock.now_ms(), self._clock.monotonic_s()),
            "coverage": coverage_body(self._swept.coverage),
            "coverage_at_ms": self._last_sweep_ms,
            "fenced_ms": self._fenced_ms,
        }

    def close(self) -> None:
        """Save the position in the stream, write the last notes, and leave office."""
        self._notes.close()
        if self._leadership is None:
            self._stream.save()
        elif self._leadership.term is not None:
            self._stream.save()
            self._leadership.resign()
