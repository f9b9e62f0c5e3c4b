"""A reconciler as a process: it makes passes, dies, is started again by whoever looks after it, and may not be alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tbie.backends.memory.belief import belief
from tbie.core.errors import TbieError
from tbie.reconciler.leader import Leadership
from tbie.reconciler.loop import Reconciler
from tbie.sim.actors.base import Actor
from tbie.sim.declaring import refresh
from tbie.sim.process import Process
from tbie.sim.workload import LIMITS, resolve
from tbie.testing.faults import CrashError

if TYPE_CHECKING:
    from tbie.sim.world import World


class Control(Actor):
    """One reconciler instance. After a death it comes back as a new process of the same instance name."""

    weight = 6

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.process: Process = world.process(name, "reconciler")
        self.reconciler: Reconciler | None = None
        self.down_until_ms = 0
        self.skew_ms = 0
        self.gone = False
        """Taken out of service: nobody starts it again until the world heals."""
        self.began_nested = 0
        """Nested turns so far, when its pass began."""

    def ready(self) -> bool:
        return not self.gone and not self.process.frozen and self.world.clock.now_ms() >= self.down_until_ms

    def kill(self, for_ms: int) -> None:
        """It ends now, wherever it is, and is started again after *for_ms*."""
        self.process.dead = True
        self.reconciler = None
        self.down_until_ms = self.world.clock.now_ms() + for_ms
        self.world.note(self.name, "is killed", f"for {for_ms / 1000:g} s")

    def act(self) -> None:
        try:
            self._act()
        except CrashError:
            self.reconciler = None
            self.down_until_ms = self.world.clock.now_ms() + self.world.chance.pick((0, 500, 3_000))
        except TbieError as error:  # it could not even start
            self.world.note(self.name, "cannot start", error)
            self.reconciler = None

    def _act(self) -> None:
        world = self.world
        grace_s = None
        if self.reconciler is None or self.process.dead:
            self.reconciler = self._start()
            grace_s = 0.0
        reconciler = self.reconciler
        world.checkers.before_pass(world, self)
        done = reconciler.step(force_sweep=grace_s is not None, grace_s=grace_s)
        world.note(self.name, "pass", f"read {done.read}, {done.emitted}, blind {done.blind}")
        world.checkers.after_pass(world, self, done)

    def _start(self) -> Reconciler:
        world = self.world
        self.process = world.process(self.name, "reconciler")
        self.process.clock.skew_ms = self.skew_ms
        world.note(self.name, "starts", f"version {world.version}")
        process = self.process
        return Reconciler(
            process.workflow,
            process.truth,
            process.intent,
            resolve,
            process.clock,
            world.settings,
            instance=self.name,
            belief=belief(process.workflow, process.intent, process.fleet),
            fleet=process.fleet,
            limits=LIMITS,
            leadership=Leadership(process.truth, process.clock, world.settings, self.name),
            ledger=world.ledger,
            refresh=partial(refresh, process),
        )
