"""Truth in memory and on SQLite keep the same contract."""

from __future__ import annotations

from pathlib import Path

from tbie.backends.memory.truth import MemoryTruth
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import Clock
from tbie.core.ids import Ids
from tbie.testing.conformance.truth import TruthConformance
from tbie.truth import TruthStore
from tbie.workflow import Workflow


class TestMemoryTruth(TruthConformance):
    def make_truth(self, workflow: Workflow, clock: Clock, ids: Ids, folder: Path) -> TruthStore:
        return MemoryTruth(workflow, clock, ids)


class TestSqliteTruth(TruthConformance):
    def make_truth(self, workflow: Workflow, clock: Clock, ids: Ids, folder: Path) -> TruthStore:
        return SqliteTruth(folder / "truth.db", workflow, clock, ids)
