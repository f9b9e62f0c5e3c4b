"""One pass of the control plane: stream, sweep when due, pauses, fleet size, heartbeat. Level-based: a pass may run at any time.

Callers: the engine of a profile (in a thread), ``reconcile --once``, and functions, whose passes end in time, and which are
handed the changes instead of reading them (``absorb``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from tbie.belief import Beliefs, BeliefSource
from tbie.core.clock import Clock
from tbie.core.errors import FencedError, IntentUnavailableError, TruthUnavailableError
from tbie.core.settings import Settings
from tbie.execution import Fleet
from tbie.intent import IntentQueue
from tbie.reconciler.barriers import lift_barriers
from tbie.reconciler.desk import Desk, Resolve
from tbie.reconciler.fleet import PoolLimits, set_sizes
from tbie.reconciler.heartbeat import ABSORBER, RECONCILER
from tbie.reconciler.leader import Leadership, Role
from tbie.reconciler.ledger import Ledger
from tbie.reconciler.notes import Notes
from tbie.reconciler.pausing import Pausing
from tbie.reconciler.place import Kept
from tbie.reconciler.pushed import Row, still_open
from tbie.reconciler.stream import Stream
from tbie.reconciler.sweep import Sweep
from tbie.reconciler.telling import Pass, Teller
from tbie.truth import TruthStore
from tbie.workflow import Workflow

__all__ = ["COMPONENT", "Pass", "Reconciler"]

COMPONENT = RECONCILER


class Reconciler:
    """The control plane of one system.

    Args:
        leadership: leads under it or stands by; without, every pass acts as an operator's, safe by compare-and-set alone.
        ledger: where decisions are kept; without, nowhere.
        refresh: called first in each pass: declares in *workflow* what holds by now. A pass whose refresh fails is blind.
        pushed: changes come by ``absorb``, here or in another process: no pass reads the stream, none leads, and a sweep that
            did not finish in its pass is gone on with in the next one, whichever process makes it.
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
        pushed: bool = False,
    ) -> None:
        self._truth, self._clock, self._settings, self._workflow = truth, clock, settings, workflow
        self._belief, self._fleet, self._limits = belief, fleet, limits or {}
        self._after_emit, self._leadership = after_emit, leadership
        self._refresh, self._kept = refresh, Kept(truth) if pushed else None
        self._notes = Notes(ledger, clock, settings.ledger_rows)
        self._desk = Desk(workflow, truth, intent, resolve, clock, settings, self._notes, pushed=pushed)
        self._pausing = Pausing(self._desk)
        self._stream = Stream(self._desk, self._pausing.saw)
        self._sweep = Sweep(self._desk, self._pausing)
        self._teller = Teller(truth, clock, settings, instance)
        self._next_sweep_s = self._next_beat_s = self._next_look_s = clock.monotonic_s()
        self._began_s = self._next_beat_s
        self._beliefs: Beliefs | None = None
        self._asleep = True
        self._until_s: float | None = None

    def step(self, force_sweep: bool = False, grace_s: float | None = None, until_s: float | None = None) -> Pass:
        """One pass. Never raises for a store that is away: that is a blind pass, and it says so.

        With *until_s* (of the monotonic clock) a sweep stops there, after a whole page, and ``more`` is to be done.
        """
        done = Pass()
        self._began_s, self._until_s = self._clock.monotonic_s(), until_s
        try:
            self._refresh()
            if self._leads(done):
                self._reconcile(done, force_sweep, grace_s)
        except FencedError:
            assert self._leadership is not None, "only a leader has a fence"
            self._leadership.depose()
            self._teller.fenced_ms = self._clock.now_ms()
            done.role = Role.STANDBY
        except (TruthUnavailableError, IntentUnavailableError) as error:
            done.blind.append(str(error))
        self._close_pass(done, force_sweep)
        return done

    def absorb(self, rows: Iterable[Row]) -> Pass:
        """Decide and emit for *rows*, of which somebody was told that they changed. Leads nothing and moves no cursor.

        Safe beside any other reconciler: whatever changes Truth here does so by compare-and-set.

        Raises:
            TruthUnavailableError, IntentUnavailableError: hand the same rows in again; what was sent is not sent twice.
        """
        done, trouble = Pass(), None
        self._began_s, self._until_s = self._clock.monotonic_s(), None
        wanted = list(rows)
        try:
            self._refresh()
            done.emitted.add(self._stream.take(still_open(self._truth, wanted)))
            done.read = len(wanted)
            done.emitted.add(self._pausing.turn())
        except (TruthUnavailableError, IntentUnavailableError) as error:
            done.blind.append(str(error))
            trouble = error
        self._close_pass(done, False, ABSORBER)
        if trouble is not None:
            raise trouble
        return done

    def _close_pass(self, done: Pass, beat: bool, component: str = COMPONENT) -> None:
        """What follows from what was done: workers, the account of it, a sign of life (with *beat*, in any case)."""
        if done.emitted.sent:
            self._after_emit()
        now_s = self._began_s
        if self._kept is not None:
            self._desk.recount()
        woken = done.emitted.sent and self._asleep  # the first work in a while waits for nobody's next look
        if done.role is not Role.STANDBY and (now_s >= self._next_look_s or done.blind or woken):
            self._next_look_s = now_s + min(self._settings.heartbeat_interval_s, 0.5)
            self._scale(done)
        self._teller.count(done)
        self._notes.write(busy=done.read > 0 and self._kept is None)
        done.unnoted = self._notes.trouble
        if self._teller.unwritten is not None:
            done.blind.append(self._teller.unwritten)
        if now_s >= self._next_beat_s or done.blind or beat:
            self._next_beat_s = now_s + self._settings.heartbeat_interval_s
            self.beat(done, component)

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
                self._teller.fenced_ms = self._clock.now_ms()
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
        if self._kept is not None:
            self._desk.recount()
        self._follow(done, force_sweep)
        done.emitted.add(self._pausing.turn())
        now_s = self._clock.monotonic_s()
        due = now_s >= self._next_sweep_s or self._pausing.wants_sweep
        if self._begins(force_sweep, due):
            self._next_sweep_s = now_s + self._settings.sweep_interval_s
            self._sweep.begin(grace_s)
        if self._sweep.under_way:
            self._sweep_on(done, None if force_sweep else self._settings.sweep_share_pages)
            self._follow(done, force_sweep)
        if self._kept is not None:
            self._kept.follow(self._sweep)
            done.emitted.add(self._pausing.turn())  # what waited for a whole sweep need not wait for the next process
        elif done.swept is None and done.read == 0 and lift_barriers(self._desk):
            self._follow(done, force_sweep)
        done.more = done.more or self._sweep.under_way

    def _begins(self, force: bool, due: bool) -> bool:
        """Whether a sweep begins now; not while one is under way, here or, where passes are bounded, in another process."""
        if self._kept is None:
            return force or (due and not self._sweep.under_way)
        return (force or due) and not self._sweep.under_way and not self._kept.take_up(self._sweep)

    def _follow(self, done: Pass, to_the_end: bool) -> None:
        """Read the stream: to its end, or as much as leaves the sweep its turn."""
        if self._kept is not None:
            return
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
        followed_ms = self._stream.followed_ms if self._kept is None else None
        try:
            while not finished and (pages is None or pages > 0):
                finished = self._sweep.go_on(1, followed_ms)
                pages = None if pages is None else pages - 1
                self._stay(done)
                if self._until_s is not None and self._clock.monotonic_s() >= self._until_s:
                    break
                if not finished and self._kept is None:
                    done.emitted.add(self._stream.look_ahead())  # what just opened waits for a page, not for a sweep
        finally:
            done.emitted.add(swept.emitted.since(before))
            done.blind += swept.blind[blind:]
        if finished:
            done.swept = swept
            self._teller.finished(swept)

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

    def beat(self, done: Pass, component: str = COMPONENT) -> None:
        """Say in Truth what this pass could read and did. If Truth is away, silence says it."""
        term = self._desk.fence if done.role is Role.LEADER else None
        stream = None if self._kept is not None else self._stream
        self._teller.beat(done, component, term, self._pausing.count, stream, self._beliefs)

    def close(self) -> None:
        """Save the position in the stream, write the last notes, and leave office."""
        self._notes.close()
        if self._kept is not None:
            return
        if self._leadership is None:
            self._stream.save()
        elif self._leadership.term is not None:
            self._stream.save()
            self._leadership.resign()
