"""What one transaction of Truth will write, collected so that each table is written once.

Caller: ``truth`` of this folder.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from tbie import lifecycle
from tbie.backends.sqlite.rows import brief_json, dumps, quote, record_json, record_row
from tbie.core.keys import Address, ItemKey
from tbie.truth import StageRecord, StageState, Story

_PUT_RECORD = (
    "INSERT INTO stage(item_id, stage, state, version, generation, token, attempts, since_ms, updated_ms, not_before_ms,"
    " reason, retriable, evidence, facts, resets) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT(item_id, stage) DO UPDATE SET state=excluded.state, version=excluded.version,"
    " generation=excluded.generation, token=excluded.token, attempts=excluded.attempts, since_ms=excluded.since_ms,"
    " updated_ms=excluded.updated_ms, not_before_ms=excluded.not_before_ms, reason=excluded.reason,"
    " retriable=excluded.retriable, evidence=excluded.evidence, facts=excluded.facts,"
    " resets=excluded.resets"
)
_PUT_HISTORY = "INSERT INTO history(item_id, at_ms, who, why, opened, before, after) VALUES (?,?,?,?,?,?,?)"
_PUT_TALLY = (
    "INSERT INTO tally VALUES (?,?,?,?,?) ON CONFLICT(tenant, stage, state, version) DO UPDATE SET n = n + excluded.n"
)


class Batch:
    """Records, history and counts on their way into one transaction."""

    def __init__(self, connection: sqlite3.Connection, now_ms: int) -> None:
        self.connection, self.now_ms = connection, now_ms
        self.touched: set[ItemKey] = set()
        self._records: list[tuple[object, ...]] = []
        self._history: list[tuple[object, ...]] = []
        self._tally: dict[tuple[str, str, str, str], int] = {}

    def address(self, item_id: int) -> Address:
        """Where the bytes of the item with row *item_id* are by now."""
        return Address(*self.connection.execute("SELECT bucket, address FROM item WHERE id=?", (item_id,)).fetchone())

    def store(self, item_id: int, key: ItemKey, before: Mapping[str, StageRecord], change: lifecycle.Change) -> None:
        """Collect *change* of the item with row *item_id*, whose records were *before*."""
        self.touched.add(key)
        after, was, tally, tenant = [], [], self._tally, key.tenant
        for record in change.records:
            row, counted = record_row(item_id, record), _counted(tenant, record)
            self._records.append(row)
            after.append(f"{quote(record.stage)}:{record_json(record, row)}")
            tally[counted] = tally.get(counted, 0) + 1
            old = before.get(record.stage)
            if old is not None:
                was.append(f"{quote(old.stage)}:{brief_json(old)}")
                counted = _counted(tenant, old)
                tally[counted] = tally.get(counted, 0) - 1
        if change.address is not None:
            after.append(f'"@item":{dumps({"address": list(change.address), "attributes": change.attributes})}')
            if before:  # an added item has its row already
                self.connection.execute(
                    "UPDATE item SET bucket=?, address=?, attributes=? WHERE id=?",
                    (*change.address, dumps(change.attributes), item_id),
                )
        self._history.append(
            (
                item_id,
                self.now_ms,
                change.cause.who,
                change.cause.why,
                int(change.opened),
                f"{{{','.join(was)}}}",
                f"{{{','.join(after)}}}",
            )
        )

    def restore(self, item_id: int, story: Story) -> int:
        """Collect an item with its history as another store had it; its row in ``item`` is the caller's to write.

        Returns:
            When the item was made.
        """
        tenant, tally = story.item.key.tenant, self._tally
        for record in story.item.stages.values():
            self._records.append(record_row(item_id, record))
            counted = _counted(tenant, record)
            tally[counted] = tally.get(counted, 0) + 1
        for entry in story.entries:
            opened = any(isinstance(r, Mapping) and r.get("state") == StageState.PENDING for r in entry.after.values())
            texts = dumps(entry.before), dumps(entry.after)
            self._history.append((item_id, entry.at_ms, *entry.cause, int(opened), *texts))
        return story.item.created_ms

    def flush(self) -> None:
        """Write what was collected."""
        self.connection.executemany(_PUT_RECORD, self._records)
        self.connection.executemany(_PUT_HISTORY, self._history)
        self.connection.executemany(_PUT_TALLY, [(*k, n) for k, n in self._tally.items() if n])
        self._records, self._history = [], []
        self._tally.clear()
        self.touched.clear()


def _counted(tenant: str, record: StageRecord) -> tuple[str, str, str, str]:
    """The row of ``tally`` that counts *record*: only of what is completed does anybody ask under which version."""
    state = record.state
    return tenant, record.stage, state._value_, record.version if state is StageState.COMPLETED else ""
