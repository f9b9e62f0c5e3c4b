"""Stores, a clock and a reconciler whose batches and pages are small: for the tests beside this file."""

from __future__ import annotations

from collections.abc import Sequence

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import IntentUnavailableError
from tbie.core.ids import SequentialIds
from tbie.core.reading import Known
from tbie.core.settings import Settings
from tbie.intent import Envelope
from tbie.reconciler.ledger import Ledger
from tbie.reconciler.loop import Pass, Reconciler
from tbie.testing.builders import (
    RETENTION_S,
    World,
    chain,
    everywhere,
)
from tbie.workflow import Workflow

SMALL = Settings(stream_batch=10, stream_batches=2, sweep_page=10, sweep_share_pages=2, express_lane_items=5)
"""Ten rows at a time, so that a few hundred items are a flood."""


class Recording(MemoryIntent):
    """Remembers what was sent, in order; may be away."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock, RETENTION_S)
        self.sent: list[Envelope] = []
        self.away = 0

    def send(self, envelopes: Sequence[Envelope]) -> int:
        if self.away:
            self.away -= 1
            raise IntentUnavailableError("the queue is away")
        self.sent += envelopes
        return super().send(envelopes)


class Ground:
    """Stores, a clock, and a reconciler over them."""

    def __init__(
        self, workflow: Workflow | None = None, settings: Settings = SMALL, ledger: Ledger | None = None
    ) -> None:
        self.workflow, self.clock, self.settings = workflow or chain("a"), ManualClock(), settings
        ids = SequentialIds()
        self.truth, self.intent = MemoryTruth(self.workflow, self.clock, ids), Recording(self.clock)
        self.world = World(self.workflow, self.truth, self.intent, self.clock, ids, settings)
        self.ledger = ledger
        self.control = self.another()

    def another(self) -> Reconciler:
        stores = (self.workflow, self.truth, self.intent, everywhere, self.clock, self.settings)
        return Reconciler(*stores, ledger=self.ledger)

    def until_swept(self, most: int = 500) -> tuple[int, Pass]:
        """Passes until a sweep has finished."""
        for count in range(1, most):
            done = self.control.step()
            if done.swept is not None:
                return count, done
        raise AssertionError(f"no sweep finished in {most} passes")

    def live(self, stage: str = "a") -> int:
        depth = self.intent.depth(stage)
        assert isinstance(depth, Known)
        return depth.value.live
