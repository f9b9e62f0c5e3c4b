"""Truth and Intent together, under reconciler and worker, on both backends and on mixtures of them."""

from __future__ import annotations

from pathlib import Path

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import Clock
from tbie.core.ids import Ids
from tbie.intent import IntentQueue
from tbie.testing.conformance.end_to_end import EndToEndConformance
from tbie.truth import TruthStore
from tbie.workflow import Workflow


class TestMemory(EndToEndConformance):
    def make_truth(self, workflow: Workflow, clock: Clock, ids: Ids, folder: Path) -> TruthStore:
        return MemoryTruth(workflow, clock, ids)

    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        return MemoryIntent(clock, retention_s)


class TestSqlite(EndToEndConformance):
    def make_truth(self, workflow: Workflow, clock: Clock, ids: Ids, folder: Path) -> TruthStore:
        return SqliteTruth(folder / "truth.db", workflow, clock, ids)

    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        return SqliteIntent(folder / "intent.db", clock, retention_s)
