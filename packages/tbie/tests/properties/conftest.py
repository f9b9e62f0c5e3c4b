"""Every property holds in memory, where examples are cheap, and on SQLite, with fewer of them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import Clock
from tbie.core.ids import Ids
from tbie.intent import IntentQueue
from tbie.testing.builders import RETENTION_S
from tbie.testing.chaos import Stores
from tbie.truth import TruthStore
from tbie.workflow import Workflow


@pytest.fixture(params=["memory", "sqlite"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    """Makes empty stores, as often as asked."""
    if request.param == "memory":
        return Stores(
            lambda workflow, clock, ids: (MemoryTruth(workflow, clock, ids), MemoryIntent(clock, RETENTION_S))
        )
    numbers = itertools.count()

    def on_sqlite(workflow: Workflow, clock: Clock, ids: Ids) -> tuple[TruthStore, IntentQueue]:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        truth = SqliteTruth(folder / "truth.db", workflow, clock, ids, synchronous="OFF")
        return truth, SqliteIntent(folder / "intent.db", clock, RETENTION_S)

    return Stores(on_sqlite, share=10)
