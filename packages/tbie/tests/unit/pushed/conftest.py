"""A function's stores, in memory and on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from packages.tbie.tests.unit.pushed.ground import Functions
from tbie.backends.memory.truth import MemoryTruth
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.testing.builders import (
    chain,
)
from tbie.truth import TruthStore


def _memory(clock: ManualClock, _folder: Path) -> TruthStore:
    return MemoryTruth(chain("a", "b"), clock, SequentialIds())


def _sqlite(clock: ManualClock, folder: Path) -> TruthStore:
    return SqliteTruth(folder / "truth.db", chain("a", "b"), clock, SequentialIds())


@pytest.fixture(params=[_memory, _sqlite], ids=["memory", "sqlite"])
def functions(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Functions]:
    made = Functions(lambda clock: request.param(clock, tmp_path), ManualClock())
    yield made
    made.truth.close()
