"""What a function stands on: stores, a queue that can fail, a fleet that only notes, a reconciler for each process."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from packages.tbie.tests.unit.ground import SMALL, Recording
from tbie.backends.memory.belief import belief
from tbie.backends.memory.ledger import MemoryLedger
from tbie.core.clock import ManualClock
from tbie.core.reading import Depth, Reading, Unknown
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.loop import Reconciler
from tbie.reconciler.pushed import Row
from tbie.testing.builders import (
    WHO,
    Asked,
    chain,
    everywhere,
    new_items,
)
from tbie.truth import TruthStore


class Queue(Recording):
    """May be unreadable, as a queue whose attributes nobody may read."""

    blind = False

    def depth(self, stage: str) -> Reading[Depth]:
        return Unknown("access denied", "intent", self.clock.now_ms()) if self.blind else super().depth(stage)

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.clock = clock


class Functions:
    """Truth, a queue, a fleet, and reconcilers over them that are handed what changed."""

    def __init__(self, truth: Callable[[ManualClock], TruthStore], clock: ManualClock) -> None:
        self.clock, self.workflow = clock, chain("a", "b")
        self.truth, self.intent, self.fleet = truth(clock), Queue(clock), Asked(clock)
        self.ledger = MemoryLedger(1_000)
        self.seq = 0

    def start(self, name: str = "f1", clock: ManualClock | None = None) -> Reconciler:
        """A new process, which knows nothing."""
        return Reconciler(
            self.workflow,
            self.truth,
            self.intent,
            everywhere,
            clock or self.clock,
            SMALL,
            instance=name,
            belief=belief(self.workflow, self.intent, self.fleet),
            fleet=self.fleet,
            limits={"default": PoolLimits(4, 10)},
            ledger=self.ledger,
            pushed=True,
        )

    def told(self, limit: int = 10_000) -> list[Row]:
        """What a stream would have said since the last time."""
        opened, self.seq = self.truth.opened_since(self.seq, limit)
        return [Row(row.key, row.stage) for row in opened]

    def add(self, count: int) -> None:
        self.truth.add(new_items(count), WHO)

    def beat_of(self, component: str) -> Mapping[str, object]:
        (beat,) = [b for b in self.truth.heartbeats() if b.component == component]
        return beat.body
