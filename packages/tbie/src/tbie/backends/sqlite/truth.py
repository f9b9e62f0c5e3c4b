"""Truth on one SQLite file: write-ahead log, fsync at each commit, one history entry for each change.

A commit reads the item inside the transaction, asks ``lifecycle`` for the change, and stores records, history and counts
together. Group what you can: one commit costs one fsync however many commands it carries.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from tbie import lifecycle
from tbie.backends.sqlite.batch import Batch
from tbie.backends.sqlite.database import Database
from tbie.backends.sqlite.keys import chunks, flat, known_keys, wanted
from tbie.backends.sqlite.projection import project
from tbie.backends.sqlite.registry import Registry, check_fence
from tbie.backends.sqlite.rows import RECORD_COLUMNS, dumps, loads, to_record
from tbie.core.cause import Cause
from tbie.core.clock import Clock
from tbie.core.errors import TruthUnavailableError
from tbie.core.ids import Ids
from tbie.core.keys import Address, ItemKey
from tbie.truth import (
    QUARANTINED,
    Command,
    Committed,
    Document,
    FactPath,
    FailedStage,
    HistoryEntry,
    Item,
    NewItem,
    OpenStage,
    Refused,
    Result,
    Settle,
    StageRecord,
    StageState,
    Story,
    Update,
)
from tbie.workflow import Workflow

T = TypeVar("T")

SCHEMA_VERSION = 2

_NO_SUCH_ITEM = Refused("no_such_item")

_FIND = (
    " SELECT i.tenant, i.item, {} FROM wanted w CROSS JOIN item i ON i.tenant = w.tenant AND i.item = w.item"
    " LEFT JOIN stage s ON s.item_id = i.id"
)
_FIND_RECORDS = _FIND.format(f"i.id, {RECORD_COLUMNS}")
_FIND_ITEMS = _FIND.format(f"i.bucket, i.address, i.attributes, i.created_ms, {RECORD_COLUMNS}")
_PUT_ITEM = "INSERT INTO item(id, tenant, item, bucket, address, attributes, created_ms) VALUES (?,?,?,?,?,?,?)"
_OPEN_COLUMNS = (
    "i.tenant, i.item, s.stage, s.version, s.generation, s.token, s.since_ms, s.not_before_ms, s.attempts,"
    " i.bucket, i.address, s.reason"
)
# word for word the condition of the index stage_failed: only then may SQLite read that index
_RESETTABLE = f"s.state = 'failed' AND s.retriable = 1 AND s.reason NOT IN {QUARANTINED!r}"


class SqliteTruth(Registry):
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
        here = resources.files(__package__)
        schema = here.joinpath("truth.sql").read_text()
        steps = [here.joinpath(f"truth_{version}.sql").read_text() for version in range(2, SCHEMA_VERSION + 1)]
        pragmas = ("journal_mode=WAL", f"synchronous={synchronous}", "cache_size=-65536", "wal_autocheckpoint=4000")
        database = Database(path, (schema, SCHEMA_VERSION), pragmas, TruthUnavailableError, False, create, steps)
        super().__init__(database, clock)
        self._workflow, self._ids = workflow, ids
        self._judges = any(stage.eligible for stage in workflow.stages)  # only then do commits have to read facts
        self._known_tenants: set[str] = set()

    # -- items

    def add(self, items: Sequence[NewItem], cause: Cause) -> list[bool]:
        def store(batch: Batch, item_id: int, item: NewItem) -> int:
            records = lifecycle.added(item.key.tenant, self._workflow, batch.now_ms, self._ids)
            batch.store(item_id, item.key, {}, lifecycle.Change(records, cause, item.address, item.attributes))
            return batch.now_ms

        return self._new([(item, item) for item in items], store)

    def restore(self, stories: Sequence[Story]) -> list[bool]:
        return self._new([(story.item, story) for story in stories], Batch.restore)

    def _new(self, items: Sequence[tuple[NewItem | Item, T]], store: Callable[[Batch, int, T], int]) -> list[bool]:
        """Give each item that is not there a row; *store* collects the rest and says when it was made."""
        tenants = {item.key.tenant for item, _ in items}
        with self._db.write() as connection:
            batch = Batch(connection, self._clock.now_ms())
            unmet = sorted(tenants - self._known_tenants)
            connection.executemany("INSERT OR IGNORE INTO tenant VALUES (?,?)", [(t, batch.now_ms) for t in unmet])
            taken = known_keys(connection, [item.key for item, _ in items])
            ((item_id,),) = connection.execute("SELECT coalesce(max(id), 0) FROM item").fetchall()
            added, rows = [], []
            for item, whole in items:
                is_new = item.key not in taken
                added.append(is_new)
                if is_new:
                    taken.add(item.key)
                    item_id += 1
                    made_ms = store(batch, item_id, whole)
                    rows.append((item_id, *item.key, *item.address, dumps(item.attributes), made_ms))
            connection.executemany(_PUT_ITEM, rows)
            batch.flush()
        self._known_tenants |= tenants  # only now: a failed add was rolled back
        return added

    def commit(self, commands: Sequence[Command], fence: Document | None = None) -> list[Result]:
        results: list[Result] = []
        with self._db.write() as connection:
            if fence is not None:
                check_fence(connection, fence)
            batch = Batch(connection, self._clock.now_ms())
            keys = [command.key for command in commands]
            for chunk in chunks(keys):
                batch.flush()  # what is read ahead must not lag behind what is only collected
                ahead = _read_records(connection, chunk)
                for command in commands[len(results) : len(results) + len(chunk)]:
                    result = self._apply(batch, command, ahead)
                    results.append(result)
                    if isinstance(command, Settle) and isinstance(result, Committed):
                        for reset in lifecycle.invalidations(command, result):
                            self._apply(batch, reset, ahead)
            batch.flush()
        return results

    def _apply(self, batch: Batch, command: Command, ahead: dict[ItemKey, _Found]) -> Result:
        key = command.key
        if key in batch.touched:
            batch.flush()
        found = ahead.pop(key, None)  # good for one use: after that the rows may have changed
        found = _read_records(batch.connection, [key]).get(key) if found is None else found
        if found is None:
            return _NO_SUCH_ITEM
        item_id, rows = found
        records = {r[0]: to_record(r, self._judges) for r in rows}
        where = batch.address(item_id) if isinstance(command, Update) else Address("", "")  # others ignore it
        item = Item(key, where, {}, 0, records)
        change = lifecycle.apply(item, command, self._workflow, batch.now_ms, self._ids)
        if isinstance(change, Refused):
            return change
        batch.store(item_id, key, records, change)
        return Committed(change.records)

    def get(self, keys: Sequence[ItemKey]) -> list[Item | None]:
        rows: dict[ItemKey, list[Any]] = {}
        for chunk in chunks(keys):
            for row in self._db.read(wanted(len(chunk)) + _FIND_ITEMS, flat(chunk)):
                rows.setdefault(ItemKey(row[0], row[1]), []).append(row[2:])
        return [_item(key, rows[key]) if key in rows else None for key in keys]

    def items(self, tenant: str | None = None, after: ItemKey | None = None, limit: int = 500) -> list[Item]:
        start = after or ("", "")
        rows = self._db.read(
            "SELECT tenant, item FROM item WHERE (tenant, item) > (?, ?)"
            + (" AND tenant = ?" if tenant is not None else "")
            + " ORDER BY tenant, item LIMIT ?",
            (*start, *([tenant] if tenant is not None else []), limit),
        )
        return [item for item in self.get([ItemKey(*row) for row in rows]) if item is not None]

    def project(
        self,
        paths: Sequence[FactPath],
        tenant: str | None = None,
        after: ItemKey | None = None,
        limit: int = 500,
    ) -> list[tuple[ItemKey, list[Any]]]:
        return project(self._db, paths, tenant, after, limit)

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

    def mark(self) -> int:
        return self.last_seq()

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
        where, parameters = (" WHERE tenant = ?", (tenant,)) if tenant is not None else ("", ())
        rows = self._db.read(
            f"SELECT tenant, stage, state, sum(n) FROM tally{where} GROUP BY tenant, stage, state HAVING sum(n) > 0",
            parameters,
        )
        return {(row[0], row[1], StageState(row[2])): row[3] for row in rows}

    def versions(self, tenant: str | None = None) -> Mapping[tuple[str, str, str], int]:
        where, parameters = ("", ()) if tenant is None else (" AND tenant = ?", (tenant,))
        sql = f"SELECT tenant, stage, version, n FROM tally WHERE state = 'completed' AND n > 0{where}"
        return {(row[0], row[1], row[2]): row[3] for row in self._db.read(sql, parameters)}

    def failed_stages(
        self, stage: str, budget: int, before_ms: int, limit: int, after: FailedStage | None = None
    ) -> list[FailedStage]:
        resets = after.resets if after is not None else -1
        updated_ms, item_id = self._position(after and (after.key, after.updated_ms))
        rows = self._db.read(
            "SELECT i.tenant, i.item, s.stage, s.token, s.reason, s.resets, s.updated_ms"
            " FROM stage s INDEXED BY stage_failed JOIN item i ON i.id = s.item_id"
            f" WHERE {_RESETTABLE} AND s.stage = ? AND s.resets < ? AND s.updated_ms <= ?"
            " AND (s.resets, s.updated_ms, s.item_id) > (?, ?, ?) ORDER BY s.resets, s.updated_ms, s.item_id LIMIT ?",
            (stage, budget, before_ms, resets, updated_ms, item_id, limit),
        )
        return [FailedStage(ItemKey(row[0], row[1]), *row[2:]) for row in rows]

    def oldest_open_ms(self, stage: str) -> int | None:
        sql = "SELECT min(since_ms) FROM stage INDEXED BY stage_open WHERE state = 'pending' AND stage = ?"
        oldest: int | None = self._db.read(sql, (stage,))[0][0]
        return oldest


_Found = tuple[int, list[Sequence[Any]]]
"""An item's row id and its records as rows."""


def _read_records(connection: sqlite3.Connection, keys: Sequence[ItemKey]) -> dict[ItemKey, _Found]:
    found: dict[ItemKey, _Found] = {}
    for row in connection.execute(wanted(len(keys)) + _FIND_RECORDS, flat(keys)):
        _, records = found.setdefault(ItemKey(row[0], row[1]), (row[2], []))
        if row[3] is not None:
            records.append(row[3:])
    return found


def _item(key: ItemKey, rows: Sequence[tuple[object, ...]]) -> Item:
    first = rows[0]
    records: Iterable[StageRecord] = (to_record(row[4:], True) for row in rows if row[4] is not None)
    address = Address(str(first[0]), str(first[1]))
    assert isinstance(first[3], int)
    return Item(key, address, loads(str(first[2])), first[3], {r.stage: r for r in records})


def _open(row: Sequence[Any]) -> OpenStage:
    return OpenStage._make((ItemKey(row[0], row[1]), *row[2:9], Address(row[9], row[10]), row[11]))
