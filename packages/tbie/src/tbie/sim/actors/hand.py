"""A worker as a process: asked for, started, registered; then it claims, runs, commits, and beats until it leaves or dies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from tbie.core.errors import TbieError
from tbie.core.outcome import Facts
from tbie.core.reading import BootState
from tbie.execution import AsTheyCome, Drift, Handlers, OneByOne, Suspect
from tbie.intent import Message
from tbie.sim.actors.base import Actor
from tbie.sim.declaring import refresh
from tbie.sim.handlers import Handling
from tbie.sim.process import Process
from tbie.sim.workload import FLOWING
from tbie.testing.faults import CrashError
from tbie.truth import Heartbeat
from tbie.worker import Worker

if TYPE_CHECKING:
    from tbie.sim.world import World


class HangError(BaseException):
    """The handler never comes back: the process sits in it until somebody ends it."""


class Hand(Actor):
    """One worker process, from the moment it was asked for."""

    weight = 6

    def __init__(self, world: World, name: str, pool: str) -> None:
        super().__init__(world, name)
        self.pool = pool
        self.process: Process = world.process(name, "worker")
        self.state = BootState.REQUESTED
        self.since_ms = world.clock.now_ms()
        self.next_ms = self.since_ms + world.chance.pick((0, 50, 400, 2_000))
        self.worker: Worker | None = None
        self.hung = False
        self.left = False
        self.doing: tuple[str, tuple[str, ...], int] | None = None
        """Stage, tokens and deadline: what a supervisor reads when this process is dead or overdue."""
        self.stuck_with: tuple[Message, ...] = ()
        """What it held when it hung: its second thread goes on extending that."""
        self.handling = Handling(self)
        self._idle_since_ms = self._pulsed_ms = 0

    # -- as Progress

    def prepare(self, stage: str, suspects: Sequence[Suspect]) -> None:
        """Nothing has begun."""
        del stage, suspects
        self.end()

    def begin(self, stage: str, suspects: Sequence[Suspect], max_run_s: float) -> None:
        """As a worker notes it for its supervisor."""
        tokens = tuple(suspect.token for suspect in suspects)
        self.doing = (stage, tokens, self.world.clock.now_ms() + int(max_run_s * 1000))

    def hang(self) -> HangError:
        """From now on its first thread does nothing any more; the handler raises what comes back."""
        assert self.worker is not None
        self.hung, self.stuck_with = True, self.worker.held
        return HangError()

    def end(self) -> None:
        """The handler has answered, or raised."""
        if not self.hung and not self.process.dead:
            self.doing = None

    # -- turns

    @property
    def alive(self) -> bool:
        """Whether there is a process."""
        return not self.left and not self.process.dead

    def ready(self) -> bool:
        if self.hung or not self.alive or self.process.frozen:
            return False
        return self.worker is not None or self.world.clock.now_ms() >= self.next_ms

    def act(self) -> None:
        self.process.turn_ms = self.world.clock.now_ms()
        try:
            if self.worker is None:
                self._boot()
            else:
                self._work(self.worker)
        except CrashError:
            pass  # the supervisor will see it
        except HangError:
            self.world.note(self.name, "hangs", self.doing)
        except TbieError as error:
            self.world.note(self.name, "cannot go on", error)

    def _boot(self) -> None:
        world = self.world
        weather = world.weather
        if weather.boot_fails[self.pool]:
            self.process.dead = True
            world.note(self.name, "dies", "before it registered")
            return
        if self.state is BootState.REQUESTED:
            self._enter(BootState.STARTED)
            self.next_ms = world.clock.now_ms() + world.chance.pick((0, 100, 1_000, 3_000))
            return
        if weather.boot_silent[self.pool]:
            return
        process = self.process
        mine = [s.name for s in process.workflow.stages if s.pool == self.pool]
        one, flow = OneByOne(self.handling), AsTheyCome(self.handling.flow)
        handlers: Handlers = {name: flow if name == FLOWING else one for name in mine}
        args = (self.name, self.pool, process.workflow, handlers, process.truth, process.intent, process.clock)
        self.worker = Worker(
            *args, world.settings, attest=self.attest, progress=self, refresh=partial(refresh, process)
        )
        self._idle_since_ms = world.clock.now_ms()
        self._enter(BootState.REGISTERED)
        self.world.checkers.sound.came(self.pool)
        self._beat()

    def _enter(self, state: BootState) -> None:
        self.state, self.since_ms = state, self.world.clock.now_ms()
        self.world.note(self.name, "boots", state.value)

    def _work(self, worker: Worker) -> None:
        world = self.world
        stepped = worker.step()
        now = world.clock.now_ms()
        if stepped.claimed:
            self._idle_since_ms = now
            if self.state is BootState.REGISTERED:
                self._enter(BootState.CLAIMED)
            if stepped.committed and self.state is BootState.CLAIMED:
                self._enter(BootState.COMPLETED)
        elif now - self._idle_since_ms >= world.settings.idle_exit_s * 1000:
            self.leave(worker)

    def leave(self, worker: Worker) -> None:
        """It has been idle for long enough."""
        self.left = True
        self.world.note(self.name, "leaves")
        worker.flush()

    def attest(self) -> Drift | None:
        """Whether this machine and this version are what is declared."""
        world = self.world
        drift: Drift | None = None
        if world.weather.drifted[self.pool]:
            drift = Drift({"model": ("m1", None)})
        elif self.process.workflow.fingerprint != world.workflow.fingerprint:
            drift = Drift({"workflow": (world.workflow.fingerprint, self.process.workflow.fingerprint)})
        world.checkers.on_attest(world, self, drift)
        return drift

    def pulse(self) -> None:
        """The second thread of a worker: it beats and extends leases while the first is inside a handler."""
        world = self.world
        now = world.clock.now_ms()
        if self.worker is None or not self.alive or self.process.frozen or now - self._pulsed_ms < 2_000:
            return
        self._pulsed_ms = now
        try:
            self._beat()
            held = self.worker.held or self.stuck_with
            if held:
                self.process.intent.extend(held, world.settings.visibility_timeout_s)
        except TbieError as error:
            world.note(self.name, "heartbeat fails", error)
        except CrashError:
            pass

    def _beat(self) -> None:
        worker = self.worker
        assert worker is not None
        drift = worker.drift
        state = "execution_drift" if drift else "busy" if worker.held else "idle"
        differences: Facts | None = {n: list(pair) for n, pair in drift.differences.items()} if drift else None
        body = {
            "pool": self.pool,
            "state": state,
            "done": worker.done,
            "drift": differences,
            "pid": 0,
            "started_ms": worker.started_ms,
            "claimed": worker.claimed,
            "first_claim_ms": worker.first_claim_ms,
            "superseded": worker.superseded,
            "last_superseded_ms": worker.last_superseded_ms,
        }
        self.process.truth.beat(Heartbeat("worker", self.name, self.process.clock.now_ms(), body))
