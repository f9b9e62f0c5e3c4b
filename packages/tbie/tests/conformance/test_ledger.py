"""The ledger in memory and on SQLite keep the same contract."""

from __future__ import annotations

from pathlib import Path

from tbie.backends.memory.ledger import MemoryLedger
from tbie.backends.sqlite.ledger import SqliteLedger
from tbie.reconciler.ledger import Ledger
from tbie.testing.conformance.ledger import LedgerConformance


class TestMemoryLedger(LedgerConformance):
    def make_ledger(self, rows: int, folder: Path) -> Ledger:
        return MemoryLedger(rows)


class TestSqliteLedger(LedgerConformance):
    def make_ledger(self, rows: int, folder: Path) -> Ledger:
        return SqliteLedger(folder / "ledger.db", rows)
