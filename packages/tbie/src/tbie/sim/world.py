"""The world of one seed: true time, the stores, the processes, and the one place that every store call passes through.

Callers: ``run`` makes it and gives it turns; actors live in it; faults change its weather; checkers look on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.ledger import MemoryLedger
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import IntentUnavailableError, TruthUnavailableError
from tbie.core.ids import SequentialIds
from tbie.core.keys import ItemKey
from tbie.core.reading import Known, Unknown
from tbie.reconciler.decide import Looked, decide
from tbie.sim.actors.campaigner import Campaigner
from tbie.sim.actors.control import Control
from tbie.sim.actors.fleet import SimFleet
from tbie.sim.actors.people import Adder, Operator
from tbie.sim.actors.watch import Watch
from tbie.sim.chance import Chance
from tbie.sim.clocks import CallersClock
from tbie.sim.declaring import Activations
from tbie.sim.plan import Plan, Planned
from tbie.sim.process import Process
from tbie.sim.shadow import Shadow
from tbie.sim.trace import Event, brief
from tbie.sim.weather import Armed, Weather
from tbie.sim.workload import SETTINGS, gallery
from tbie.testing.faults import CrashError
from tbie.workflow import Workflow

if TYPE_CHECKING:
    from tbie.sim.actors.base import Actor
    from tbie.sim.checkers import Checkers

MAX_DEPTH = 2
"""How deep turns nest: a pass, somebody in the middle of it, and somebody in the middle of that."""
LEDGER_ROWS = 400
"""Few enough that it forgets within a run."""
LONGEST_NAP_MS = 8_000
"""Time moves in stretches of at most this, so that heartbeats and leases go on: below a third of the lease."""
SEEING = ("reconciler", "watch")
READINGS = ("intent.presence", "intent.depth", "fleet.view")


class World:
    """Everything there is in one run."""

    def __init__(self, plan: Plan, checkers: Checkers, *, tracing: bool = False) -> None:
        self.plan, self.checkers, self.settings = plan, checkers, SETTINGS
        self.clock = ManualClock()
        self.start_ms = self.clock.now_ms()
        self.chance = Chance(plan.seed, 2)
        self.version = 1
        self.workflow: Workflow = gallery(1, plan.claim_batch)
        self._callers = CallersClock(self.clock)
        self.truth = MemoryTruth(self.workflow, self._callers, SequentialIds())
        self.intent = MemoryIntent(self._callers, SETTINGS.retention_s)
        self.ledger = MemoryLedger(LEDGER_ROWS)
        self.fleet: SimFleet
        self.activations = Activations()
        self.weather, self.shadow = Weather(), Shadow()
        self.actors: list[Actor] = []
        self.stack: list[Actor] = []
        self.events: list[Event] | None = [] if tracing else None
        self.sometimes: Counter[str] = Counter()
        self.calls = self.stale_call = 0
        self.healing = False
        self.interleaving = plan.interleaving_percent
        self.due: list[Planned] = []
        """Faults that strike in the middle of this step."""
        self.strike: Callable[[World, Planned], object] = lambda world, fault: None
        self.tolerance_ms = 0
        """How far any clock was ever off."""
        self.broken_ms = self.start_ms
        """When a fault last stood or struck."""
        self.nested = 0
        """Turns that were taken in the middle of others, so far."""
        self.struck: list[tuple[Planned, int]] = []
        """Every fault that has struck, and when."""
        self.controls: list[Control] = []

    def populate(self) -> None:
        """People, a fleet, and as many reconcilers as the plan says. In one world of three a tenant has a version of its own."""
        self.fleet = SimFleet(self)
        self.fleet.open()
        self.adder = Adder(self)
        self.operator = Operator(self, self.adder)
        self.campaigner = Campaigner(self, self.adder)
        self.actors += [self.fleet, self.adder, self.operator, self.campaigner]
        if self.plan.seed % 3 == 1:
            self.activations.activate(self, "t1")
        for _ in range(self.plan.reconcilers):
            self.start_control()
        self.watch = Watch(self)
        self.actors.append(self.watch)

    # -- what faults do to it

    def start_control(self) -> None:
        """One more reconciler."""
        self.controls.append(Control(self, f"reconciler{len(self.controls) + 1}"))
        self.actors.append(self.controls[-1])

    def stop_control(self) -> None:
        """The reconciler that came last is ended, and nobody starts it again."""
        last = self.controls.pop()
        last.kill(0)
        last.gone = True

    # -- what faults and checkers ask

    def wanted(self, name: tuple[str, ItemKey]) -> bool:
        """Whether the message of that name is the live intent of an open stage."""
        stored = self.intent.everything().get(name)
        return stored is not None and self.shadow.open.get(name) == stored.envelope.token

    def visible(self, pool: str) -> list[int]:
        """When each message was sent that a worker of *pool* could take now."""
        stages, now = {s.name for s in self.workflow.in_pool(pool)}, self.clock.now_ms()
        queued = self.intent.everything().items()
        return [m.sent_ms for n, m in queued if n[0] in stages and m.visible_ms <= now and self.wanted(n)]

    def unread(self) -> bool:
        """Whether something open has no intent yet."""
        queued = self.intent.everything()
        return any(name not in queued for name in self.shadow.open)

    def stuck(self) -> list[str]:
        """Why each open stage does not move, as the reconciler would say."""
        lines = []
        now = self.clock.now_ms()
        for declared in self.workflow.stages:
            for row in self.truth.open_stages(declared.name, None, 1_000):
                version = self.workflow.version(row.stage, row.key.tenant)
                reading = self.intent.presence(row.stage, [row.key])
                assert isinstance(reading, Known)
                decision = decide(row, version, Looked(reading.value.get(row.key)), now, 0)
                found = f"{decision.action.value}, {decision.reason} {dict(decision.evidence)}"
                lines.append(f"{'/'.join(row.key)} {row.stage} {row.token} attempt {row.attempts}: {found}")
        return lines

    # -- account

    def note(self, who: str, what: str, outcome: object = "") -> None:
        """One line of the trace, if somebody wants it."""
        if self.events is not None:
            at = self.clock.now_ms() - self.start_ms
            self.events.append(Event(at, max(0, len(self.stack) - 1), who, what, str(outcome)))

    # -- processes

    def process(self, name: str, kind: str) -> Process:
        """A process that starts now, with the version that is deployed now."""
        workflow = gallery(self.version, self.plan.claim_batch)  # its own: what it declares, it learns when it looks
        process = Process(self, name, kind, self.clock, workflow, (self.truth, self.intent, self.fleet))
        process.version = self.version
        return process

    def crash(self, process: Process, why: str) -> CrashError:
        """*process* ends here; the caller raises what comes back."""
        process.dead = True
        self.note(process.name, "dies", why)
        return CrashError(f"{process.name}: {why}")

    # -- time

    def advance(self, ms: int) -> None:
        """Let time pass; whoever is alive and not frozen goes on saying so."""
        while ms > 0:
            nap = min(ms, LONGEST_NAP_MS)
            self.clock.advance_ms(nap)
            ms -= nap
            for actor in self.actors:
                actor.pulse()
            if self.weather.standing:
                self.broken_ms = self.clock.now_ms()

    # -- calls

    def call(
        self, process: Process, what: str, method: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """One store call of one process: others may come first, and it may fail before or after it took effect."""
        self.calls += 1
        if process.dead:
            raise CrashError(f"{process.name} is dead")
        armed: Armed | None = None
        if not self.healing:
            if self.interleaving and len(self.stack) <= MAX_DEPTH and self.chance.percent(self.interleaving):
                self._interleave()
            armed = self._armed(process, what) if self.weather.armed else None
            if process.dead:  # killed in the meantime
                raise CrashError(f"{process.name} was killed")
            if armed is not None and armed.action == "crash_before":
                raise self.crash(process, f"before {what}")
        if what not in READINGS and self.weather.store_is_away(what):
            self.note(process.name, what, "store is away")
            self._away(process, what)
        answer = self._enter(process, what, method, args, kwargs)
        if armed is not None and armed.action == "crash_after":
            raise self.crash(process, f"after {what}")
        return answer

    def _enter(
        self, process: Process, what: str, method: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        self.truth.workflow, self._callers.caller = process.workflow, process.clock
        if what in READINGS:
            answer = self._read(process, what, method, args)
            self.checkers.on_reading(self, process, what, args, answer)
        else:
            answer = self.checkers.observe(self, process, what, method, args, kwargs)
        if self.events is not None:
            self.note(process.name, what, brief(what, args, answer))
        return answer

    def _read(self, process: Process, what: str, method: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """A reading may be unreadable, or answer what it answered before."""
        weather = self.weather
        away = weather.store_is_away(what)
        denied = weather.denied and process.kind == "reconciler" and what != "fleet.view"
        if away or denied or (weather.blind[what] and process.kind in SEEING):
            self.sometimes["a reading was refused"] += 1
            return Unknown(
                "the queue is away" if away else "access denied", what.partition(".")[0], process.clock.now_ms()
            )
        answer = method(*args)
        if weather.stale[what]:
            name = f"{what} {args!r}"
            self.sometimes["a reading was stale"] += name in weather.remembered
            self.stale_call = self.calls
            return weather.remembered.setdefault(name, answer)
        return answer

    def _away(self, process: Process, what: str) -> None:
        self.checkers.on_away(self, process, what)
        if what.startswith("truth"):
            raise TruthUnavailableError("Truth is away")
        if what.startswith("intent"):
            raise IntentUnavailableError("the queue is away")

    def _armed(self, process: Process, what: str) -> Armed | None:
        for armed in self.weather.armed:
            if armed.kind == process.kind and armed.what == what:
                self.weather.armed.remove(armed)
                self.broken_ms = self.clock.now_ms()
                if armed.action == "pause":
                    self.pause(process)
                    return None
                self.sometimes[f"{process.kind} {armed.action} {what}"] += 1
                return armed
        return None

    # -- interleaving

    def _interleave(self) -> None:
        """Somebody else's turn, in the middle of this one."""
        if self.due:
            self.strike(self, self.due.pop())
        self.turn(self.chance.below(400))

    def turn(self, ms: int) -> None:
        """Time passes, and one actor that is not in the middle of something acts."""
        self.advance(ms)
        ready = [actor for actor in self.actors if actor not in self.stack and actor.ready()]
        total = sum(actor.weight for actor in ready)
        if not total:
            return
        drawn = self.chance.below(total)
        for actor in ready:
            drawn -= actor.weight
            if drawn < 0:
                self.act(actor)
                return

    def act(self, actor: Actor) -> None:
        """One turn of *actor*."""
        self.nested += bool(self.stack)
        self.stack.append(actor)
        try:
            actor.act()
        finally:
            self.stack.pop()

    def pause(self, process: Process) -> None:
        """*process* stops for longer than any lease while the others go on; then it goes on where it was."""
        self.sometimes[f"a {process.kind} was paused"] += 1
        self.note(process.name, "is paused")
        process.frozen = True
        for _ in range(12):
            self.turn(int(self.settings.visibility_timeout_s * 1000 / 8))
        process.frozen = False
        self.note(process.name, "goes on")
