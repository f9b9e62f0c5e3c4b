"""What Truth keeps beside the items: tenants, heartbeats, documents, cursors and named settings. Few and small rows.

Caller: ``truth`` of this folder, which is one of these; apart from it because nothing here knows a stage.
"""

from __future__ import annotations

import sqlite3

from tbie.backends.sqlite.database import Database
from tbie.backends.sqlite.rows import dumps, loads
from tbie.core.clock import Clock
from tbie.core.errors import FencedError
from tbie.core.outcome import Facts
from tbie.truth import FORGET_AFTER_MS, Document, Heartbeat

_REVISION = "SELECT revision FROM document WHERE kind=? AND name=?"
# one counter for all documents, so that a revision does not come back with a name that was dropped
_NEXT_REVISION = "UPDATE revision SET last=last+1 RETURNING last"


class Registry:
    """The part of a ``TruthStore`` that is about names, not about items."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db, self._clock = database, clock

    def tenants(self) -> list[str]:
        return [row[0] for row in self._db.read("SELECT tenant FROM tenant ORDER BY tenant")]

    def beat(self, heartbeat: Heartbeat) -> None:
        with self._db.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO heartbeat VALUES (?,?,?,?)",
                (heartbeat.component, heartbeat.instance, heartbeat.at_ms, dumps(heartbeat.body)),
            )
            connection.execute(
                "DELETE FROM heartbeat WHERE component=? AND instance<>? AND at_ms<?",
                (heartbeat.component, heartbeat.instance, heartbeat.at_ms - FORGET_AFTER_MS),
            )

    def heartbeats(self) -> list[Heartbeat]:
        rows = self._db.read("SELECT component, instance, at_ms, body FROM heartbeat")
        return [Heartbeat(row[0], row[1], row[2], loads(row[3])) for row in rows]

    def documents(self, kind: str) -> list[Document]:
        sql = "SELECT kind, name, revision, body, updated_ms FROM document WHERE kind=? ORDER BY name"
        return [Document(row[0], row[1], row[2], loads(row[3]), row[4]) for row in self._db.read(sql, (kind,))]

    def write_document(self, kind: str, name: str, body: Facts, revision: int | None) -> Document | None:
        text = dumps(body)
        with self._db.write() as connection:
            if _revision(connection, kind, name) != revision:
                return None
            (fresh,) = connection.execute(_NEXT_REVISION).fetchone()
            written = Document(kind, name, fresh, loads(text), self._clock.now_ms())
            row = (kind, name, fresh, text, written.updated_ms)
            connection.execute("INSERT OR REPLACE INTO document VALUES (?,?,?,?,?)", row)
        return written  # only now: a document that was handed out is durable

    def drop_document(self, document: Document) -> bool:
        sql = "DELETE FROM document WHERE kind=? AND name=? AND revision=?"
        with self._db.write() as connection:
            count = connection.execute(sql, (document.kind, document.name, document.revision)).rowcount
        return bool(count)

    def cursor(self, name: str) -> int:
        rows = self._db.read("SELECT seq FROM cursor WHERE name=?", (name,))
        return int(rows[0][0]) if rows else 0

    def save_cursor(self, name: str, seq: int) -> None:
        with self._db.write() as connection:
            connection.execute("INSERT OR REPLACE INTO cursor VALUES (?,?)", (name, seq))

    def read_meta(self, name: str) -> str | None:
        rows = self._db.read("SELECT value FROM meta WHERE name=?", (name,))
        return rows[0][0] if rows else None

    def write_meta(self, name: str, value: str) -> None:
        with self._db.write() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (name, value))

    def close(self) -> None:
        self._db.close()


def check_fence(connection: sqlite3.Connection, fence: Document) -> None:
    """Refuse to go on in this transaction unless *fence* is at its revision still.

    Raises:
        FencedError: it is not; the transaction must be rolled back.
    """
    if _revision(connection, fence.kind, fence.name) != fence.revision:
        raise FencedError(f"{fence.kind} {fence.name!r} is not at revision {fence.revision} any more")


def _revision(connection: sqlite3.Connection, kind: str, name: str) -> int | None:
    row = connection.execute(_REVISION, (kind, name)).fetchone()
    return row[0] if row is not None else None
