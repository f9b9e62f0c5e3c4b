"""The engine: what becomes of its fleet when its reconciler no longer leads."""

from __future__ import annotations

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.belief import Readers
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.reading import FleetView, Known, Reading
from tbie.core.settings import Settings
from tbie.engine import Engine
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.leader import Leadership, Role
from tbie.reconciler.loop import Reconciler
from tbie.testing.builders import RETENTION_S, WHO, chain, everywhere, new_item


class Crew:
    """A fleet that has at once what was asked for."""

    def __init__(self) -> None:
        self.desired, self.drained = 0, 0

    def set_desired(self, pool: str, workers: int) -> None:
        self.desired = workers

    def view(self, pool: str) -> Reading[FleetView]:
        return Known(FleetView(self.desired, self.desired, 0), pool, 0)

    def supervise(self) -> object:
        return None

    def recover(self, charge: bool = False) -> int:
        return 0

    def drain(self) -> None:
        self.desired, self.drained = 0, self.drained + 1

    def wait(self, timeout_s: float) -> bool:
        return True


def test_an_engine_that_was_replaced_lets_its_workers_go_once_and_leads_them_again_later() -> None:
    workflow, clock, settings = chain("a"), ManualClock(), Settings()
    truth, intent = MemoryTruth(workflow, clock, SequentialIds()), MemoryIntent(clock, RETENTION_S)
    truth.add([new_item()], WHO)
    crew = Crew()
    belief = Readers({"a": lambda: intent.depth("a")}, {"default": lambda: crew.view("default")})
    other = Leadership(truth, clock, settings, "other", sole=True)
    reconciler = Reconciler(
        workflow,
        truth,
        intent,
        everywhere,
        clock,
        settings,
        belief=belief,
        fleet=crew,
        limits={"default": PoolLimits(2)},
        leadership=Leadership(truth, clock, settings, "one", sole=True),
    )
    engine = Engine(reconciler, crew, lambda _: None, settings)
    engine.start()
    engine.turn()
    assert crew.desired == 1
    assert other.hold() is not None
    for _ in range(4):
        clock.advance_ms(1_000)
        engine.turn()
    assert (crew.desired, crew.drained) == (0, 1)
    clock.advance_ms(int(1_000 * settings.leader_lease_s))
    while engine.turn().role is Role.STANDBY:
        clock.advance_ms(1_000)
    assert (crew.desired, crew.drained) == (1, 1)
