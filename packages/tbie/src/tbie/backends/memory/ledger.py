"""The ledger in dictionaries, for tests and simulation."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence

from tbie.core.keys import ItemKey
from tbie.reconciler.ledger import LedgerEntry, Noted


class MemoryLedger:
    """A ``Ledger`` that keeps *rows* entries."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._lock = threading.Lock()
        self._entries: dict[int, LedgerEntry] = {}  # in the order in which they were last decided
        self._newest: dict[tuple[ItemKey, str], int] = {}
        self._last = 0

    def note(self, decisions: Sequence[Noted]) -> None:
        copied = [each._replace(evidence=json.loads(json.dumps(each.evidence, allow_nan=False))) for each in decisions]
        with self._lock:
            for decision in copied:
                self._note(decision)
            while len(self._entries) > self._rows:
                oldest = next(iter(self._entries))
                entry = self._entries.pop(oldest)
                if self._newest[entry.key, entry.stage] == oldest:
                    del self._newest[entry.key, entry.stage]

    def _note(self, decision: Noted) -> None:
        key, stage, token, action, reason, evidence, at_ms, times = decision
        newest = self._newest.get((key, stage), 0)
        before = self._entries.get(newest)
        if before is not None and (before.token, before.action, before.reason) == (token, action, reason):
            del self._entries[newest]
            last_ms, times = max(before.last_ms, at_ms), before.times + times
            entry = before._replace(evidence=evidence, last_ms=last_ms, times=times)
        else:
            entry = LedgerEntry(key, stage, token, action, reason, evidence, at_ms, at_ms, times)
        self._last += 1
        self._newest[key, stage] = self._last
        self._entries[self._last] = entry

    def of(self, key: ItemKey) -> list[LedgerEntry]:
        with self._lock:
            return sorted((e for e in self._entries.values() if e.key == key), key=lambda e: e.first_ms)

    def recent(self, limit: int = 100) -> list[LedgerEntry]:
        with self._lock:
            return list(reversed(self._entries.values()))[:limit]

    def counts(self, since_ms: int = 0) -> Mapping[tuple[str, str], int]:
        counted: Counter[tuple[str, str]] = Counter()
        with self._lock:
            for entry in self._entries.values():
                if entry.last_ms >= since_ms:
                    counted[entry.action, entry.reason] += entry.times
        return counted

    def close(self) -> None:
        """Nothing to let go of."""
