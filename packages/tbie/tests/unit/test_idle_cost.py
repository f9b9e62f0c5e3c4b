"""What an engine without work asks of Truth: nothing that grows with the number of tenants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.belief import Readers
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.outcome import Retry
from tbie.core.reading import FleetView, Known, Reading
from tbie.core.settings import Settings
from tbie.intent import Claim, Defer
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.loop import Reconciler
from tbie.testing.builders import RETENTION_S, WHO, everywhere, gallery, key, new_item, settle
from tbie.truth import StageState
from tbie.workflow import Workflow


class Counting(MemoryTruth):
    """Counts the readings that cost the more, the more tenants there are."""

    def __init__(self, workflow: Workflow, clock: ManualClock, ids: SequentialIds) -> None:
        super().__init__(workflow, clock, ids)
        self.asked: Counter[str] = Counter()

    def tally(self, tenant: str | None = None) -> Mapping[tuple[str, str, StageState], int]:
        self.asked["tally"] += 1
        return super().tally(tenant)


class Sized:
    """A fleet that does as it is told."""

    desired = 0

    def set_desired(self, pool: str, workers: int) -> None:
        self.desired = workers

    def view(self, pool: str) -> Reading[FleetView]:
        return Known(FleetView(self.desired, self.desired, 0), pool, 0)


class Idle:
    """An engine's reconciler with a fleet, and nothing to do."""

    def __init__(self, tenants: Sequence[str]) -> None:
        workflow, self.clock = gallery(), ManualClock()
        self.truth = Counting(workflow, self.clock, SequentialIds())
        self.truth.add([new_item("i", tenant) for tenant in tenants], WHO)
        intent = self.intent = MemoryIntent(self.clock, RETENTION_S)
        self.fleet = Sized()
        queues = {s.name: lambda name=s.name: intent.depth(name) for s in workflow.stages}
        belief = Readers(queues, {"default": lambda: self.fleet.view("default")})
        self.control = Reconciler(
            workflow,
            self.truth,
            intent,
            everywhere,
            self.clock,
            Settings(),
            belief=belief,
            fleet=self.fleet,
            limits={"default": PoolLimits(4)},
        )

    def turns(self, count: int) -> Counter[str]:
        self.truth.asked.clear()
        for _ in range(count):
            self.clock.advance_ms(250)
            self.control.step()
        return Counter(self.truth.asked)


def test_an_idle_engine_counts_nothing_again_and_sees_the_next_item_at_once() -> None:
    idle = Idle(["t1", "t2"])
    idle.control.step(force_sweep=True)
    assert idle.turns(30)["tally"] == 0, "nothing has changed since the last count"
    before = idle.fleet.desired
    idle.truth.add([new_item("late", "t3")], WHO)
    asked = idle.turns(4)
    assert idle.fleet.desired == before + 1
    assert 1 <= asked["tally"] <= 2


def test_a_few_items_in_back_off_cost_no_count_for_each_of_their_tenants_in_every_turn() -> None:
    tenants = [f"t{number}" for number in range(20)]
    idle = Idle(tenants)
    idle.control.step(force_sweep=True)
    for tenant in tenants:
        settle(idle.truth, key("i", tenant), "read", Retry("no_network", not_before_ms=10**15))
    first = idle.turns(1)["tally"]
    assert first >= len(tenants), "where each class stands when it is first seen"
    assert idle.turns(40)["tally"] <= 1


def test_work_that_waits_for_its_time_keeps_no_worker_and_wakes_one_when_it_is_due() -> None:
    idle = Idle(["t1"])
    idle.control.step()
    (message,) = idle.intent.exchange((), (Claim("read", "w", 1, 60.0, 3),))
    due_ms = idle.clock.now_ms() + 60_000
    settle(idle.truth, key("i", "t1"), "read", Retry("no_network", not_before_ms=due_ms))
    idle.intent.exchange([Defer(message, due_ms)], ())
    idle.turns(4)
    assert idle.fleet.desired == 0
    idle.turns(60 * 4)
    assert idle.fleet.desired == 1
