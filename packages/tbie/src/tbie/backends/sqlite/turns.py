"""Whose turn it is: fair queuing among tenants, in the order of messages rather than in the minds of workers.

Caller: ``intent`` of this folder, when it sends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable


class Turns:
    """Hands out turns: a tenant's next message stands behind its last one, but never before the present."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._turns: dict[tuple[str, str], int] = {}
        self._present: dict[str, int] = {}

    def next(self, stage: str, tenant: str) -> int:
        """The rank of the next message of *tenant* in the queue of *stage*."""
        last = self._turns.get((stage, tenant))
        if last is None:
            last = self._stored("SELECT rank FROM turn WHERE stage=? AND tenant=?", (stage, tenant))
            if stage not in self._present:
                self._present[stage] = self._stored("SELECT rank FROM present WHERE stage=?", (stage,))
            last = max(last, self._present[stage])
        self._turns[stage, tenant] = last + 1
        return last + 1

    def save(self) -> None:
        """Remember the turns that were handed out."""
        rows: Iterable[tuple[object, ...]] = ((*key, rank) for key, rank in self._turns.items())
        self._connection.executemany("INSERT OR REPLACE INTO turn VALUES (?,?,?)", rows)

    def _stored(self, sql: str, parameters: tuple[str, ...]) -> int:
        row = self._connection.execute(sql, parameters).fetchone()
        return int(row[0]) if row else 0
