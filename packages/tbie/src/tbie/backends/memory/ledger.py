"""The ledger in dictionaries, for tests and simulation."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence

from tbie.core.keys import ItemKey
from tbie.reconciler.kept import Kept
from tbie.reconciler.ledger import LedgerEntry, Noted


class MemoryLedger:
    """A ``Ledger`` that keeps *rows* entries."""

    def __init__(self, rows: int) -> None:
        self._lock = threading.Lock()
        self._kept = Kept(rows)

    def note(self, decisions: Sequence[Noted]) -> None:
        copied = [each._replace(evidence=json.loads(json.dumps(each.evidence, allow_nan=False))) for each in decisions]
        with self._lock:
            self._kept.note(copied)

    def of(self, key: ItemKey) -> list[LedgerEntry]:
        with self._lock:
            return self._kept.of(key)

    def recent(self, limit: int = 100) -> list[LedgerEntry]:
        with self._lock:
            return self._kept.recent(limit)

    def counts(self, since_ms: int = 0) -> Mapping[tuple[str, str], int]:
        with self._lock:
            return self._kept.counts(since_ms)

    def close(self) -> None:
        """Nothing to let go of."""
