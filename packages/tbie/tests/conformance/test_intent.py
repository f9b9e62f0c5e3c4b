"""Intent in memory and on SQLite keep the same contract."""

from __future__ import annotations

from pathlib import Path

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.core.clock import Clock
from tbie.intent import IntentQueue
from tbie.testing.conformance.intent import IntentConformance


class TestMemoryIntent(IntentConformance):
    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        return MemoryIntent(clock, retention_s)


class TestSqliteIntent(IntentConformance):
    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        return SqliteIntent(folder / "intent.db", clock, retention_s)
