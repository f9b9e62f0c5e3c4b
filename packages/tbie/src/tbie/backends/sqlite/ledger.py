"""The ledger on its own SQLite file. Nothing here is fsynced, for the reasons that ``intent`` of this folder gives.

The reconciler notes a whole batch in one transaction: what a pass decided costs milliseconds, not a commit for each row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from tbie.backends.sqlite.database import Database
from tbie.backends.sqlite.rows import dumps, loads
from tbie.core.errors import LedgerUnavailableError
from tbie.core.keys import ItemKey
from tbie.reconciler.ledger import LedgerEntry, Noted

SCHEMA_VERSION = 1

_COLUMNS = "tenant, item, stage, token, action, reason, evidence, first_ms, last_ms, times"
# one statement that looks and writes: to read the newest entries first takes half as long again
_PROLONG = (
    "UPDATE entry SET seq=?, evidence=?, last_ms=max(last_ms, ?), times=times+? WHERE seq ="
    " (SELECT max(seq) FROM entry INDEXED BY entry_item WHERE tenant=? AND item=? AND stage=?)"
    " AND token=? AND action=? AND reason=?"
)
_INSERT = f"INSERT INTO entry(seq, {_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
_TRIM = "DELETE FROM entry WHERE seq IN (SELECT seq FROM entry ORDER BY seq LIMIT ?)"


class SqliteLedger:
    """A ``Ledger`` in one file that keeps *rows* entries. Safe to use from several threads and processes."""

    def __init__(self, path: Path, rows: int) -> None:
        schema = resources.files(__package__).joinpath("ledger.sql").read_text()
        pragmas = ("journal_mode=TRUNCATE", "synchronous=OFF", "cache_size=-16384", "temp_store=MEMORY")
        self._db = Database(path, (schema, SCHEMA_VERSION), pragmas, LedgerUnavailableError, rebuildable=True)
        self._rows = rows

    def note(self, decisions: Sequence[Noted]) -> None:
        if not decisions:
            return
        written = [
            dumps(dict(decision.evidence)) for decision in decisions
        ]  # here, so that what is not JSON writes nothing
        with self._db.write() as connection:
            ((seq,),) = connection.execute("SELECT coalesce(max(seq), 0) FROM entry").fetchall()
            for decision, evidence in zip(decisions, written, strict=True):
                seq += 1
                key, stage, token, action, reason, _, at_ms, times = decision
                told = (*key, stage, token, action, reason)
                if not connection.execute(_PROLONG, (seq, evidence, at_ms, times, *told)).rowcount:
                    connection.execute(_INSERT, (seq, *told, evidence, at_ms, at_ms, times))
            ((kept,),) = connection.execute("SELECT count(*) FROM entry").fetchall()
            if kept > self._rows:
                connection.execute(_TRIM, (kept - self._rows,))

    def of(self, key: ItemKey) -> list[LedgerEntry]:
        where = "FROM entry WHERE tenant=? AND item=? ORDER BY first_ms, seq"
        return [_entry(row) for row in self._db.read(f"SELECT {_COLUMNS} {where}", key)]

    def recent(self, limit: int = 100) -> list[LedgerEntry]:
        where = "FROM entry ORDER BY seq DESC LIMIT ?"
        return [_entry(row) for row in self._db.read(f"SELECT {_COLUMNS} {where}", (limit,))]

    def counts(self, since_ms: int = 0) -> Mapping[tuple[str, str], int]:
        sql = "SELECT action, reason, sum(times) FROM entry WHERE last_ms >= ? GROUP BY action, reason"
        return {(row[0], row[1]): row[2] for row in self._db.read(sql, (since_ms,))}

    def close(self) -> None:
        self._db.close()


def _entry(row: Sequence[Any]) -> LedgerEntry:
    return LedgerEntry._make((ItemKey(row[0], row[1]), *row[2:6], loads(row[6]), *row[7:]))
