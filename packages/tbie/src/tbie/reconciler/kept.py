"""The decisions that a ledger keeps, in memory: what prolongs what, and which are the oldest.

Callers: the ledgers, of which one is nothing else and another is the record from which this can be made again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from tbie.core.keys import ItemKey
from tbie.reconciler.ledger import LedgerEntry, Noted


class Kept:
    """At most *rows* entries, in the order in which they were last decided. Not guarded: its owner has a lock."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._entries: dict[int, LedgerEntry] = {}
        self._newest: dict[tuple[ItemKey, str], int] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._entries)

    def note(self, decisions: Iterable[Noted]) -> None:
        """Take *decisions* as they are; then the oldest that are too many go."""
        for decision in decisions:
            self._note(decision)
        self._trim()

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
        self._put(entry)

    def put_back(self, entries: Iterable[LedgerEntry]) -> None:
        """Take *entries* that were kept before, in their order, the oldest first."""
        for entry in entries:
            self._put(entry)
        self._trim()

    def _put(self, entry: LedgerEntry) -> None:
        self._last += 1
        self._newest[entry.key, entry.stage] = self._last
        self._entries[self._last] = entry

    def _trim(self) -> None:
        while len(self._entries) > self._rows:
            oldest = next(iter(self._entries))
            entry = self._entries.pop(oldest)
            if self._newest[entry.key, entry.stage] == oldest:
                del self._newest[entry.key, entry.stage]

    def all(self) -> list[LedgerEntry]:
        """Every entry, the one that was last decided at the end."""
        return list(self._entries.values())

    def of(self, key: ItemKey) -> list[LedgerEntry]:
        """As ``Ledger.of``."""
        return sorted((e for e in self._entries.values() if e.key == key), key=lambda e: e.first_ms)

    def recent(self, limit: int) -> list[LedgerEntry]:
        """As ``Ledger.recent``."""
        return list(reversed(self._entries.values()))[:limit]

    def counts(self, since_ms: int) -> Mapping[tuple[str, str], int]:
        """As ``Ledger.counts``."""
        counted: Counter[tuple[str, str]] = Counter()
        for entry in self._entries.values():
            if entry.last_ms >= since_ms:
                counted[entry.action, entry.reason] += entry.times
        return counted
