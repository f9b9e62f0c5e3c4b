"""Belief over the stores in memory and on SQLite keeps the same contract."""

from __future__ import annotations

from pathlib import Path

from tbie.backends.memory.belief import belief as memory_belief
from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.sqlite.belief import belief as sqlite_belief
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.belief import BeliefSource
from tbie.core.clock import Clock
from tbie.execution import Fleet
from tbie.intent import IntentQueue
from tbie.testing.conformance.belief import BeliefConformance
from tbie.workflow import Workflow


class TestMemoryBelief(BeliefConformance):
    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        return MemoryIntent(clock, retention_s)

    def make_belief(self, workflow: Workflow, intent: IntentQueue, fleet: Fleet | None) -> BeliefSource:
        return memory_belief(workflow, intent, fleet)


class TestSqliteBelief(BeliefConformance):
    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        return SqliteIntent(folder / "intent.db", clock, retention_s)

    def make_belief(self, workflow: Workflow, intent: IntentQueue, fleet: Fleet | None) -> BeliefSource:
        return sqlite_belief(workflow, intent, fleet)
