"""Intent on its own SQLite file. Nothing here is fsynced: whatever is lost is rebuilt from Truth.

A rollback journal instead of a write-ahead log, on purpose: the file may be deleted while it is open, and a log that
outlives its database by name would be removed under the feet of whoever made the next one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from tbie.backends.sqlite.database import Database
from tbie.backends.sqlite.keys import chunks, flat, wanted
from tbie.backends.sqlite.rows import dumps, loads
from tbie.backends.sqlite.turns import Turns
from tbie.core.clock import Clock
from tbie.core.errors import IntentUnavailableError
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Facts
from tbie.core.reading import Depth, Known, Reading, Unknown
from tbie.intent import Bury, Claim, DeadLetter, Defer, Delete, Disposal, Envelope, Hold, Message, Presence, Release

SCHEMA_VERSION = 1

_SEND = (
    "INSERT INTO message(stage, tenant, item, token, generation, version, bucket, address, expected, visible_ms, rank,"
    " receives, receipt, owner, sent_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,0,0,NULL,?)"
    " ON CONFLICT(tenant, item, stage) DO UPDATE SET token=excluded.token, generation=excluded.generation,"
    " version=excluded.version, bucket=excluded.bucket, address=excluded.address, expected=excluded.expected,"
    " visible_ms=excluded.visible_ms, receives=0, receipt=0, owner=NULL, sent_ms=excluded.sent_ms"
)
_KNOWN = (
    " SELECT m.tenant, m.item, m.token, 1 FROM wanted w"
    " CROSS JOIN message m ON m.tenant = w.tenant AND m.item = w.item AND m.stage = ?"
    " UNION ALL SELECT d.tenant, d.item, d.token, 0 FROM wanted w"
    " CROSS JOIN dead d ON d.stage = ? AND d.tenant = w.tenant AND d.item = w.item"
)
_COLUMNS = (
    "id, receipt, receives, sent_ms, rank, stage, tenant, item, token, generation, version, bucket, address, expected"
)
_CLAIM = (
    "UPDATE message SET visible_ms=?1, receives=receives+1, receipt=?2, owner=?3 WHERE id IN"
    " (SELECT id FROM message INDEXED BY message_ready WHERE stage=?4 AND visible_ms=0 ORDER BY rank LIMIT ?5)"
    f" RETURNING {_COLUMNS}"
)
_BURY = (
    "INSERT OR REPLACE INTO dead SELECT stage, tenant, item, token, generation, version, bucket, address, expected,"
    " ?6, ?1, ?2, ?3 FROM message WHERE id=?4 AND receipt=?5"
)
# a message that comes back has an early turn: the present does not go back with it
_PRESENT = "INSERT INTO present VALUES (?,?) ON CONFLICT(stage) DO UPDATE SET rank=max(rank, excluded.rank)"
_UNCOUNT = "UPDATE message SET visible_ms=?, owner=NULL, receipt=0, receives=receives-1 WHERE id=? AND receipt=?"
_DELETE = "DELETE FROM message WHERE id=? AND receipt=?"


class SqliteIntent:
    """An ``IntentQueue`` in one file. Safe to use from several threads and processes."""

    def __init__(self, path: Path, clock: Clock, retention_s: float) -> None:
        schema = resources.files(__package__).joinpath("intent.sql").read_text()
        pragmas = ("journal_mode=TRUNCATE", "synchronous=OFF", "cache_size=-32768", "temp_store=MEMORY")
        self._db = Database(path, (schema, SCHEMA_VERSION), pragmas, IntentUnavailableError, rebuildable=True)
        self._clock = clock
        self._retention_ms = int(retention_s * 1000)
        self._source = str(path.name)

    def send(self, envelopes: Sequence[Envelope]) -> int:
        if not envelopes:
            return 0
        now = self._clock.now_ms()
        rows: list[tuple[object, ...]] = []
        with self._db.write() as connection:
            ranks = Turns(connection)
            known = _known(connection, envelopes)
            for e in envelopes:
                tokens = known.setdefault((e.stage, e.key), {})
                if e.token in tokens:
                    continue  # queued, or buried: re-reading the change stream must not revive a poison item
                queued = any(tokens.values())
                rank = 0 if queued else ranks.next(e.stage, e.key.tenant)  # what is replaced keeps its turn
                visible = e.not_before_ms if e.not_before_ms > now else 0
                row = (e.stage, *e.key, e.token, e.generation, e.version, *e.address, e.expected, visible, rank, now)
                rows.append(row)
                known[e.stage, e.key] = {**{t: live for t, live in tokens.items() if not live}, e.token: True}
            connection.executemany(_SEND, rows)
            ranks.save()
        return len(rows)

    def exchange(self, disposals: Sequence[Disposal], claims: Sequence[Claim]) -> list[Message]:
        if not disposals and not any(self._ready(claim.stage) for claim in claims):
            return []  # a look costs less than a write transaction, and idle workers look often
        now = self._clock.now_ms()
        with self._db.write() as connection:
            self._dispose(connection, disposals, now)
            for claim in claims:
                messages = self._claim(connection, claim, now)
                if messages:
                    return messages
        return []

    def _ready(self, stage: str) -> bool:
        sql = "SELECT 1 FROM message INDEXED BY message_ready WHERE stage=? AND visible_ms<=? LIMIT 1"
        return bool(self._db.read(sql, (stage, self._clock.now_ms())))

    def _dispose(self, connection: sqlite3.Connection, disposals: Sequence[Disposal], now: int) -> None:
        deletes: list[tuple[int, int]] = []
        for disposal in disposals:
            match disposal:
                case Delete(message=message):
                    deletes.append(_receipt(message))
                case Defer(message=message, until_ms=until):
                    connection.execute(
                        "UPDATE message SET visible_ms=?, owner=NULL, receipt=0 WHERE id=? AND receipt=?",
                        (until if until > now else 0, *_receipt(message)),
                    )
                case Bury(message=message, reason=reason, evidence=evidence):
                    self._bury(connection, message.receives, _receipt(message), reason, evidence, now)
                case Release(message=message):
                    connection.execute(_UNCOUNT, (0, *_receipt(message)))
                case Hold(message=message, until_ms=until):
                    connection.execute(_UNCOUNT, (until if until > now else 0, *_receipt(message)))
        if deletes:
            connection.executemany(_DELETE, deletes)

    def _bury(
        self,
        connection: sqlite3.Connection,
        receives: int,
        receipt: tuple[int, int],
        reason: str,
        evidence: Facts,
        now: int,
    ) -> None:
        connection.execute(_BURY, (now, reason, dumps(evidence), *receipt, receives))
        connection.execute(_DELETE, receipt)

    def _claim(self, connection: sqlite3.Connection, claim: Claim, now: int) -> list[Message]:
        # leases that ended and waits that are over: back in line, with the turn they had
        connection.execute(
            "UPDATE message SET visible_ms=0, owner=NULL WHERE stage=? AND visible_ms BETWEEN 1 AND ?",
            (claim.stage, now),
        )
        (receipt,) = connection.execute("UPDATE receipt SET last=last+1 RETURNING last").fetchone()
        lease_end = now + int(claim.lease_s * 1000)
        rows = connection.execute(_CLAIM, (lease_end, receipt, claim.owner, claim.stage, claim.limit)).fetchall()
        if not rows:
            return []
        rows.sort(key=lambda row: row[4])
        connection.execute(_PRESENT, (claim.stage, rows[-1][4]))
        messages = []
        for row in rows:
            if row[2] > claim.max_receives:
                received = row[2] - 1  # this claim is not handed out, so it is no receive
                self._bury(connection, received, (row[0], receipt), "receives_exhausted", {"receives": received}, now)
            else:
                messages.append(_message(row))
        return messages

    def extend(self, messages: Sequence[Message], lease_s: float) -> int:
        until = self._clock.now_ms() + int(lease_s * 1000)
        held = 0
        with self._db.write() as connection:
            for message in messages:
                cursor = connection.execute(
                    "UPDATE message SET visible_ms=? WHERE id=? AND receipt=? AND owner IS NOT NULL",
                    (until, *_receipt(message)),
                )
                held += cursor.rowcount
        return held

    def release_owner(self, owner: str, except_tokens: tuple[str, ...] = ()) -> list[Message]:
        with self._db.write() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM message WHERE owner=?", (owner,)).fetchall()
            connection.execute(
                "UPDATE message SET visible_ms=0, owner=NULL, receipt=0, receives=receives-1"
                f" WHERE owner=? AND token NOT IN ({','.join('?' * len(except_tokens))})",
                (owner, *except_tokens),
            )
        return [_message(row) for row in rows]

    def presence(self, stage: str, keys: Sequence[ItemKey]) -> Reading[Mapping[ItemKey, Presence]]:
        now = self._clock.now_ms()
        try:
            dead: list[Any] = []
            live: list[Any] = []
            for chunk in chunks(keys):
                sql = (
                    wanted(len(chunk)) + " SELECT m.tenant, m.item, m.token, m.receives, m.bucket, m.address, {}"
                    " FROM wanted w CROSS JOIN {} m ON m.tenant = w.tenant AND m.item = w.item AND m.stage = ?"
                )
                dead += self._db.read(sql.format("m.reason, m.evidence", "dead"), (*flat(chunk), stage))
                live += self._db.read(sql.format("m.sent_ms", "message"), (*flat(chunk), stage))
        except IntentUnavailableError as error:
            return Unknown(str(error), self._source, now)
        found = {}
        for tenant, item, token, receives, *where, reason, evidence in dead:
            told = {"reason": reason, **loads(evidence)}
            found[ItemKey(tenant, item)] = Presence(token, True, receives, told, Address._make(where))
        for tenant, item, token, receives, *where, sent_ms in live:
            found[ItemKey(tenant, item)] = Presence(token, False, receives, None, Address._make(where), sent_ms)
        return Known(found, self._source, now)

    def depth(self, stage: str) -> Reading[Depth]:
        now = self._clock.now_ms()
        try:
            ((visible, hidden, in_flight),) = self._db.read(
                "SELECT (SELECT count(*) FROM message WHERE stage=?1 AND visible_ms<=?2),"
                " (SELECT count(*) FROM message WHERE stage=?1 AND visible_ms>?2),"
                " (SELECT count(*) FROM message WHERE stage=?1 AND visible_ms>?2 AND owner IS NOT NULL)",
                (stage, now),
            )
            first = self._db.read(
                "SELECT max(sent_ms, visible_ms) FROM message INDEXED BY message_ready WHERE stage=? AND visible_ms<=?"
                " ORDER BY visible_ms, rank LIMIT 1",
                (stage, now),
            )
            ((dead,),) = self._db.read("SELECT count(*) FROM dead WHERE stage=?", (stage,))
        except IntentUnavailableError as error:
            return Unknown(str(error), self._source, now)
        oldest = now - first[0][0] if first else None
        return Known(Depth(visible, in_flight, hidden - in_flight, dead, oldest), self._source, now)

    def dead_letters(self, stage: str, limit: int = 100) -> list[DeadLetter]:
        rows = self._db.read(
            "SELECT tenant, item, generation, token, version, bucket, address, expected, receives, died_ms, reason, evidence"
            " FROM dead WHERE stage=? ORDER BY died_ms DESC LIMIT ?",
            (stage, limit),
        )
        return [
            DeadLetter(
                Envelope(ItemKey(r[0], r[1]), stage, r[2], r[3], r[4], Address(r[5], r[6]), r[7]),
                r[8],
                r[9],
                r[10],
                loads(r[11]),
            )
            for r in rows
        ]

    def expire(self) -> int:
        limit = self._clock.now_ms() - self._retention_ms
        with self._db.write() as connection:
            count = connection.execute("DELETE FROM message WHERE sent_ms <= ?", (limit,)).rowcount
            connection.execute("DELETE FROM dead WHERE died_ms <= ?", (limit,))
        return int(count)

    def purge(self, stage: str | None = None) -> int:
        with self._db.write() as connection:
            where, parameters = (" WHERE stage=?", (stage,)) if stage is not None else ("", ())
            count = connection.execute(f"DELETE FROM message{where}", parameters).rowcount
            connection.execute(f"DELETE FROM dead{where}", parameters)
        return int(count)

    def close(self) -> None:
        self._db.close()


def _known(connection: sqlite3.Connection, envelopes: Sequence[Envelope]) -> dict[tuple[str, ItemKey], dict[str, bool]]:
    """The tokens that each item of *envelopes* has in its queue (True) or among its dead letters (False)."""
    keys: dict[str, list[ItemKey]] = {}
    for envelope in envelopes:
        keys.setdefault(envelope.stage, []).append(envelope.key)
    known: dict[tuple[str, ItemKey], dict[str, bool]] = {}
    for stage, of_stage in keys.items():
        for chunk in chunks(of_stage):
            for row in connection.execute(wanted(len(chunk)) + _KNOWN, (*flat(chunk), stage, stage)):
                tokens = known.setdefault((stage, ItemKey(row[0], row[1])), {})
                tokens[row[2]] = tokens.get(row[2], False) or bool(row[3])
    return known


def _receipt(message: Message) -> tuple[int, int]:
    receipt = message.receipt
    assert isinstance(receipt, tuple)
    return receipt


def _message(row: Sequence[Any]) -> Message:
    stage, tenant, item, token, generation, version, bucket, address, expected = row[5:14]
    envelope = Envelope(ItemKey(tenant, item), stage, generation, token, version, Address(bucket, address), expected)
    return Message(envelope, (row[0], row[1]), row[2], row[3])
