"""Truth on one SQLite file: write-ahead log, fsync at each commit, one history entry for each change.

A commit reads the item inside the transaction, asks ``lifecycle`` for the change, and stores records, history and counts
together. Group what you can: one commit costs one fsync however many commands it carries.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from tbie import lifecycle
from tbie.backends.sqlite.database import Database
from tbie.backends.sqlite.rows import RECORD_COLUMNS, dumps, loads, record_json, record_row, to_record
from tbie.core.cause import Cause
from tbie.core.clock import Clock
from tbie.core.errors import TruthUnavailableError
from tbie.core.ids import Ids
from tbie.core.keys import Address, ItemKey
from tbie.truth import (
    Command,
    Committed,
    Heartbeat,
    HistoryEntry,
    Item,
    NewItem,
    OpenStage,
    Refused,
    Result,
    Settle,
    StageRecord,
    StageState,
)
from tbie.workflow import Workflow

SCHEMA_VERSION = 1

_NO_SUCH_ITEM = Refused("no_such_item")

_RECORDS = f"SELECT {RECORD_COLUMNS} FROM stage s WHERE s.item_id = ?"
_PUT_RECORD = (
    "INSERT INTO stage(item_id, stage, state, version, generation, token, attempts, since_ms, updated_ms, not_before_ms,"
    " reason, retriable, evidence, facts) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT(item_id, stage) DO UPDATE SET state=excluded.state, version=excluded.version,"
    " generation=excluded.generation, token=excluded.token, attempts=excluded.attempts, since_ms=excluded.since_ms,"
    " updated_ms=excluded.updated_ms, not_before_ms=excluded.not_before_ms, reason=excluded.reason,"
    " retriable=excluded.retriable, evidence=excluded.evidence, facts=excluded.facts"
)
_PUT_HISTORY = "INSERT INTO history(item_id, at_ms, who, why, opened, before, after) VALUES (?,?,?,?,?,?,?)"
_PUT_TALLY = "INSERT INTO tally VALUES (?,?,?,?) ON CONFLICT(tenant, stage, state) DO UPDATE SET n = n + excluded.n"
_OPEN_COLUMNS = (
    "i.tenant, i.item, s.stage, s.version, s.generation, s.token, s.since_ms, s.not_before_ms, s.attempts,"
    " i.bucket, i.address"
)


class SqliteTruth:
    """A ``TruthStore`` in one file. Safe to use from several threads and processes."""

    def __init__(
        self,
        path: Path,
        workflow: Workflow,
        clock: Clock,
        ids: Ids,
        synchronous: str = "FULL",
        create: bool = True,
    ) -> None:
        schema = resources.files(__package__).joinpath("truth.sql").read_text()
        pragmas = ("journal_mode=WAL", f"synchronous={synchronous}", "cache_size=-65536", "wal_autocheckpoint=4000")
        self._db = Database(path, (schema, SCHEMA_VERSION), pragmas, TruthUnavailableError, False, create)
        self._workflow, self._clock, self._ids = workflow, clock, ids
        self._judges = any(stage.eligible for stage in workflow.stages)  # only then do commits have to read facts
        self._known_tenants: set[str] = set()

    # -- items

    def add(self, items: Sequence[NewItem], cause: Cause) -> list[bool]:
        with self._db.write() as connection:
            batch = _Batch(connection, self._clock.now_ms())
            added = [self._add(batch, item, cause) for item in items]
            batch.flush()
        self._known_tenants.update(item.key.tenant for item in items)  # only now: a failed add was rolled back
        return added

    def _add(self, batch: _Batch, new: NewItem, cause: Cause) -> bool:
        if new.key.tenant not in self._known_tenants:
            batch.connection.execute("INSERT OR IGNORE INTO tenant VALUES (?,?)", (new.key.tenant, batch.now_ms))
        row = batch.connection.execute(
            "INSERT INTO item(tenant, item, bucket, address, attributes, created_ms) VALUES (?,?,?,?,?,?)"
            " ON CONFLICT DO NOTHING RETURNING id",
            (*new.key, *new.address, dumps(new.attributes), batch.now_ms),
        ).fetchone()
        if row is None:
            return False
        records = lifecycle.added(self._workflow, batch.now_ms, self._ids)
        batch.store(row[0], new.key, {}, lifecycle.Change(records, cause, new.address, new.attributes))
        return True

    def commit(self, commands: Sequence[Command]) -> list[Result]:
        with self._db.write() as connection:
            batch = _Batch(connection, self._clock.now_ms())
            results: list[Result] = []
            for command in commands:
                result = self._apply(batch, command)
                results.append(result)
                if isinstance(command, Settle) and isinstance(result, Committed):
                    for reset in lifecycle.invalidations(command, result):
                        self._apply(batch, reset)
            batch.flush()
        return results

    def _apply(self, batch: _Batch, command: Command) -> Result:
        key = command.key
        if key in batch.touched:
            batch.flush()
        row = batch.connection.execute("SELECT id FROM item WHERE tenant=? AND item=?", key).fetchone()
        if row is None:
            return _NO_SUCH_ITEM
        rows = batch.connection.execute(_RECORDS, row).fetchall()
        records = {r[0]: to_record(r, self._judges) for r in rows}
        item = Item(key, Address("", ""), {}, 0, records)  # rules of change look at records only
        change = lifecycle.apply(item, command, self._workflow, batch.now_ms, self._ids)
        if isinstance(change, Refused):
            return change
        batch.store(row[0], key, records, change)
        return Committed(change.records)

    def get(self, keys: Sequence[ItemKey]) -> list[Item | None]:
        found: list[Item | None] = []
        for key in keys:
            rows = self._db.read(
                f"SELECT i.bucket, i.address, i.attributes, i.created_ms, {RECORD_COLUMNS} FROM item i"
                " LEFT JOIN stage s ON s.item_id = i.id WHERE i.tenant=? AND i.item=?",
                key,
            )
            found.append(_item(key, rows) if rows else None)
        return found

    def items(self, tenant: str | None = None, after: ItemKey | None = None, limit: int = 500) -> list[Item]:
        start = after or ("", "")
        rows = self._db.read(
            "SELECT tenant, item FROM item WHERE (tenant, item) > (?, ?)"
            + (" AND tenant = ?" if tenant is not None else "")
            + " ORDER BY tenant, item LIMIT ?",
            (*start, *([tenant] if tenant is not None else []), limit),
        )
        return [item for item in self.get([ItemKey(*row) for row in rows]) if item is not None]

    # -- the change stream

    def opened_since(self, seq: int, limit: int) -> tuple[list[OpenStage], int]:
        upto = min(seq + limit, self.last_seq())
        if upto <= seq:
            return [], seq
        rows = self._db.read(
            f"SELECT DISTINCT {_OPEN_COLUMNS} FROM history h JOIN stage s ON s.item_id = h.item_id AND s.state = 'pending'"
            " JOIN item i ON i.id = h.item_id WHERE h.seq > ? AND h.seq <= ? AND h.opened = 1",
            (seq, upto),
        )
        return [_open(row) for row in rows], upto

    def history(self, key: ItemKey) -> list[HistoryEntry]:
        rows = self._db.read(
            "SELECT h.seq, h.at_ms, h.who, h.why, h.before, h.after FROM history h JOIN item i ON i.id = h.item_id"
            " WHERE i.tenant=? AND i.item=? ORDER BY h.seq",
            key,
        )
        return [HistoryEntry(r[0], key, r[1], Cause(r[2], r[3]), loads(r[4]), loads(r[5])) for r in rows]

    def last_seq(self) -> int:
        return int(self._db.read("SELECT coalesce(max(seq), 0) FROM history")[0][0])

    def cursor(self, name: str) -> int:
        rows = self._db.read("SELECT seq FROM cursor WHERE name=?", (name,))
        return int(rows[0][0]) if rows else 0

    def save_cursor(self, name: str, seq: int) -> None:
        with self._db.write() as connection:
            connection.execute("INSERT OR REPLACE INTO cursor VALUES (?,?)", (name, seq))

    # -- open work

    def open_stages(self, stage: str, after: OpenStage | None, limit: int) -> list[OpenStage]:
        rows = self._db.read(
            f"SELECT {_OPEN_COLUMNS} FROM stage s INDEXED BY stage_open JOIN item i ON i.id = s.item_id"
            " WHERE s.state = 'pending' AND s.stage = ? AND (s.since_ms, s.item_id) > (?, ?)"
            " ORDER BY s.since_ms, s.item_id LIMIT ?",
            (stage, *self._position(after and (after.key, after.since_ms)), limit),
        )
        return [_open(row) for row in rows]

    def _position(self, after: tuple[ItemKey, int] | None) -> tuple[int, int]:
        """Where a page begins, in the order of the indexes on open and waiting rows."""
        if after is None:
            return -1, -1
        key, since_ms = after
        rows = self._db.read("SELECT id FROM item WHERE tenant=? AND item=?", key)
        return since_ms, rows[0][0] if rows else -1

    def at_barrier(self, stage: str, limit: int, after: tuple[ItemKey, int] | None = None) -> list[tuple[ItemKey, int]]:
        rows = self._db.read(
            "SELECT i.tenant, i.item, s.since_ms FROM stage s INDEXED BY stage_barrier JOIN item i ON i.id = s.item_id"
            f" WHERE s.state = 'waiting' AND s.reason = '{lifecycle.BARRIER}' AND s.stage = ?"
            " AND (s.since_ms, s.item_id) > (?, ?) ORDER BY s.since_ms, s.item_id LIMIT ?",
            (stage, *self._position(after), limit),
        )
        return [(ItemKey(row[0], row[1]), row[2]) for row in rows]

    def tally(self, tenant: str | None = None) -> Mapping[tuple[str, str, StageState], int]:
        where, parameters = (" AND tenant = ?", (tenant,)) if tenant is not None else ("", ())
        rows = self._db.read(f"SELECT tenant, stage, state, n FROM tally WHERE n > 0{where}", parameters)
        return {(row[0], row[1], StageState(row[2])): row[3] for row in rows}

    def oldest_open_ms(self, stage: str) -> int | None:
        sql = "SELECT min(since_ms) FROM stage INDEXED BY stage_open WHERE state = 'pending' AND stage = ?"
        oldest: int | None = self._db.read(sql, (stage,))[0][0]
        return oldest

    # -- registry

    def tenants(self) -> list[str]:
        return [row[0] for row in self._db.read("SELECT tenant FROM tenant ORDER BY tenant")]

    def beat(self, heartbeat: Heartbeat) -> None:
        with self._db.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO heartbeat VALUES (?,?,?,?)",
                (heartbeat.component, heartbeat.instance, heartbeat.at_ms, dumps(heartbeat.body)),
            )

    def heartbeats(self) -> list[Heartbeat]:
        rows = self._db.read("SELECT component, instance, at_ms, body FROM heartbeat")
        return [Heartbeat(row[0], row[1], row[2], loads(row[3])) for row in rows]

    def read_meta(self, name: str) -> str | None:
        rows = self._db.read("SELECT value FROM meta WHERE name=?", (name,))
        return rows[0][0] if rows else None

    def write_meta(self, name: str, value: str) -> None:
        with self._db.write() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (name, value))

    def close(self) -> None:
        self._db.close()


class _Batch:
    """What one transaction will write, collected so that each table is written once."""

    def __init__(self, connection: sqlite3.Connection, now_ms: int) -> None:
        self.connection, self.now_ms = connection, now_ms
        self.touched: set[ItemKey] = set()
        self._records: list[tuple[object, ...]] = []
        self._history: list[tuple[object, ...]] = []
        self._tally: Counter[tuple[str, str, str]] = Counter()

    def store(self, item_id: int, key: ItemKey, before: Mapping[str, StageRecord], change: lifecycle.Change) -> None:
        self.touched.add(key)
        after = []
        for record in change.records:
            row = record_row(item_id, record)
            self._records.append(row)
            after.append(f'"{record.stage}":{record_json(record, row)}')
            self._tally[key.tenant, record.stage, record.state.value] += 1
            old = before.get(record.stage)
            if old is not None:
                self._tally[key.tenant, record.stage, old.state.value] -= 1
        if change.address is not None:
            after.append(f'"@item":{dumps({"address": list(change.address), "attributes": change.attributes})}')
            if before:  # an added item has its row already
                self.connection.execute(
                    "UPDATE item SET bucket=?, address=?, attributes=? WHERE id=?",
                    (*change.address, dumps(change.attributes), item_id),
                )
        brief = {r.stage: lifecycle.brief(before[r.stage]) for r in change.records if r.stage in before}
        self._history.append(
            (
                item_id,
                self.now_ms,
                change.cause.who,
                change.cause.why,
                int(change.opened),
                dumps(brief) if brief else "{}",
                f"{{{','.join(after)}}}",
            )
        )

    def flush(self) -> None:
        self.connection.executemany(_PUT_RECORD, self._records)
        self.connection.executemany(_PUT_HISTORY, self._history)
        self.connection.executemany(_PUT_TALLY, [(*k, n) for k, n in self._tally.items() if n])
        self._records, self._history = [], []
        self._tally.clear()
        self.touched.clear()


def _item(key: ItemKey, rows: Sequence[tuple[object, ...]]) -> Item:
    first = rows[0]
    records: Iterable[StageRecord] = (to_record(row[4:], True) for row in rows if row[4] is not None)
    address = Address(str(first[0]), str(first[1]))
    assert isinstance(first[3], int)
    return Item(key, address, loads(str(first[2])), first[3], {r.stage: r for r in records})


def _open(row: Sequence[Any]) -> OpenStage:
    return OpenStage._make((ItemKey(row[0], row[1]), *row[2:9], Address(row[9], row[10])))
