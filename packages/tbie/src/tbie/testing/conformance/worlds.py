"""Whole systems for the end-to-end suite: both stores of a backend under reconciler and worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.keys import ItemKey
from tbie.history import fold, plain
from tbie.intent import IntentQueue
from tbie.testing.builders import (
    RETENTION_S,
    World,
    settlement,
)
from tbie.testing.conformance.fixtures import WithIntent, WithTruth
from tbie.truth import TruthStore
from tbie.workflow import Workflow


class WithWorlds(WithTruth, WithIntent):
    """Makes systems, and says what must hold when they have settled."""

    @pytest.fixture
    def worlds(self, clock: ManualClock, ids: SequentialIds, tmp_path: Path) -> Iterator[Worlds]:
        """Makes worlds and closes their stores."""
        made = Worlds(self, clock, ids, tmp_path)
        yield made
        for store in made.opened:
            store.close()

    def check(self, world: World) -> None:
        """Everything is final, history folds to the rows, and each completion is the only one of its generation."""
        for item in world.truth.items(limit=10_000):
            assert item.settled, item
            entries = world.truth.history(item.key)
            rows = fold(entries)
            rows.pop("@item")
            assert rows == {name: plain(record) for name, record in item.stages.items()}
            effects = Counter(
                (stage, row["generation"])
                for entry in entries
                for stage, row in entry.after.items()
                if isinstance(row, dict) and row.get("state") == "completed"
            )
            assert all(n == 1 for n in effects.values()), effects


class Worlds:
    """Makes worlds from what the backend's subclass offers."""

    def __init__(self, suite: WithWorlds, clock: ManualClock, ids: SequentialIds, folder: Path) -> None:
        self._suite, self._clock, self._ids, self._folder = suite, clock, ids, folder
        self.opened: list[TruthStore | IntentQueue] = []

    def make(self, workflow: Workflow) -> World:
        """A world with empty stores."""
        truth = self._suite.make_truth(workflow, self._clock, self._ids, self._folder)
        intent = self._suite.make_intent(self._clock, RETENTION_S, self._folder)
        self.opened += [truth, intent]
        return World(workflow, truth, intent, self._clock, self._ids)

    def settle_all(self, world: World, keys: Sequence[ItemKey], stage: str) -> None:
        """Complete *stage* of many items in one commit."""
        world.truth.commit([settlement(world.truth, each, stage) for each in keys])
