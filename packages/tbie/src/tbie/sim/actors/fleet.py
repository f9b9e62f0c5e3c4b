"""The simulated fleet: workers that boot in steps, die, hang, and are buried by a supervisor that is a process too."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tbie.core.errors import TbieError
from tbie.core.reading import Boot, BootState, FleetView, Known, Reading
from tbie.sim.actors.base import Actor
from tbie.sim.actors.hand import Hand
from tbie.testing.faults import CrashError
from tbie.worker import settle_death

if TYPE_CHECKING:
    from tbie.sim.world import World


class SimFleet(Actor):
    """A ``Fleet``, and the supervisor of its workers: as the embedded fleet, it is stepped by its engine."""

    weight = 3

    def __init__(self, world: World) -> None:
        super().__init__(world, "fleet")
        self.desired: Counter[str] = Counter()
        self.staff: list[Hand] = []
        self._unburied: list[Hand] = []
        self._hired = 0
        self.boot_failures: Counter[str] = Counter()
        self.next_start_ms: Counter[str] = Counter()

    def open(self) -> None:
        """The supervisor's own process; made when the world is complete."""
        self.process = self.world.process("fleet", "fleet")

    # -- as Fleet

    def set_desired(self, pool: str, workers: int) -> None:
        """Remembered; the supervisor's next turn starts what is missing."""
        self.desired[pool] = workers

    def view(self, pool: str) -> Reading[FleetView]:
        """Processes, not promises."""
        mine = [hand for hand in self.staff if hand.pool == pool and hand.alive]
        busy = sum(hand.worker is not None and bool(hand.worker.held) for hand in mine)
        boots = tuple(Boot(h.name, h.state, h.since_ms) for h in mine if h.state is not BootState.COMPLETED)
        failures = self.boot_failures[pool]
        error = "exit status 1" if failures else None
        view = FleetView(self.desired[pool], len(mine), busy, boots, failures, error)
        return Known(view, "processes", self.world.clock.now_ms())

    # -- as supervisor

    def act(self) -> None:
        if self.process.dead:
            self.process = self.world.process("fleet", "fleet")
        try:
            self._supervise()
        except CrashError:
            pass  # another one takes over at its next turn
        except TbieError as error:
            self.world.note(self.name, "cannot bury", error)

    def _supervise(self) -> None:
        world = self.world
        now = world.clock.now_ms()
        for hand in list(self.staff):
            if hand.alive and hand.doing is not None and now > hand.doing[2]:
                hand.process.dead = True
                world.note(hand.name, "is ended", "overdue")
                hand.hung = True
            if not hand.alive:
                self._remove(hand)
        while self._unburied:
            hand = self._unburied[0]
            suspects = hand.doing[1] if hand.doing is not None else ()
            world.sometimes["a death had several suspects"] += len(suspects) > 1
            reason = "timed_out" if hand.hung else "worker_died"
            stores = (self.process.workflow, self.process.truth, self.process.intent)
            settle_death(hand.name, suspects, *stores, reason, {"exit_status": -9})
            self._unburied.remove(hand)
        for pool, desired in sorted(self.desired.items()):
            running = sum(hand.pool == pool for hand in self.staff)
            for _ in range(desired - running):
                if now >= self.next_start_ms[pool]:
                    self._hire(pool)

    def _remove(self, hand: Hand) -> None:
        world = self.world
        self.staff.remove(hand)
        world.actors.remove(hand)
        if hand.left:
            self.boot_failures[hand.pool] = 0
            return
        world.note(hand.name, "is found dead", hand.doing)
        if hand.worker is None:
            self.boot_failures[hand.pool] += 1
            wait_s = min(30.0, 0.5 * 2 ** self.boot_failures[hand.pool])
            self.next_start_ms[hand.pool] = world.clock.now_ms() + int(1000 * wait_s)
            return
        self.boot_failures[hand.pool] = 0
        self._unburied.append(hand)

    def _hire(self, pool: str) -> None:
        self._hired += 1
        hand = Hand(self.world, f"{pool}{self._hired}", pool)
        self.world.note(self.name, "hires", hand.name)
        self.staff.append(hand)
        self.world.actors.append(hand)
