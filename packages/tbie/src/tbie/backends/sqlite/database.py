"""One SQLite file: opening, schema version, writers in a queue, and errors in words.

Callers: ``truth``, ``intent`` and ``ledger`` of this folder. Nothing else touches ``sqlite3``.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tbie.backends.sqlite.lockfile import LockFile
from tbie.core.errors import NewerSchemaError, TbieError

_BROKEN = ("malformed", "not a database", "no such table", "no such column")
"""What SQLite says of a file that was overwritten, or emptied, under an open connection."""

_OUTDATED = "of an older version"
_WORTHLESS = (*_BROKEN, _OUTDATED, "unable to open")
"""What is said of a rebuildable file that cannot be used: it is begun anew."""

_BUSY_TIMEOUT_S = 30.0
"""How long to wait for a program that holds the file without holding the lock file: not one of ours."""
_BUSY_TIMEOUT_REBUILDABLE_S = 2.0
"""The same for a file whose readers can say "unknown" and go on. Our own writers keep it for 50 ms at most."""

_TURN_S = 30.0
"""How long to wait for our own writers: a large `add` takes seconds. A process that was stopped in the middle of a write
never lets go; whoever leads has to be able to say so, and to end it."""
_TURN_REBUILDABLE_S = 10.0
"""The same for a file without long writes: a machine in trouble, or a writer that was stopped."""


class Database:
    """A connection that several threads may share, and that notices when its file was replaced.

    Args:
        path: the database file; created if missing.
        schema: the SQL that creates it, and the ``user_version`` it stands for.
        pragmas: applied to each connection.
        unavailable: the error class to raise when SQLite says no.
        rebuildable: the contents may be lost: a missing or broken file is silently begun anew.
        create: whether a missing file may be begun. A file that was open once is never begun anew unless *rebuildable*:
            an empty record in the place of a lost one would look like a home without work.
        steps: the SQL that makes version 2 of version 1, version 3 of version 2, and so on, up to that of *schema*.
            A *rebuildable* file needs none: one of an older version is set aside and begun anew.
    """

    def __init__(
        self,
        path: Path,
        schema: tuple[str, int],
        pragmas: Sequence[str],
        unavailable: type[TbieError],
        rebuildable: bool,
        create: bool = True,
        steps: Sequence[str] = (),
    ) -> None:
        self.path, self._steps = path, steps
        self._create = create or rebuildable
        self._schema, self._version = schema
        assert rebuildable or len(steps) == self._version - 1, "each version but the first needs its step"
        self._pragmas, self._unavailable, self._rebuildable = pragmas, unavailable, rebuildable
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._was_locked = False
        self._turn_s = _TURN_REBUILDABLE_S if rebuildable else _TURN_S
        try:
            self._turn = LockFile(path.with_name(f"{path.name}.lock"))
        except OSError as error:
            raise unavailable(
                f"cannot write beside {path}: {error.strerror}; check that the home is writable"
            ) from error
        try:
            with self.write():
                pass  # create or check the schema now, so that a wrong home is one clear error at the start
        except unavailable:
            if not rebuildable:
                raise  # else whoever needs it is told when it does, and everybody else can work, or find out why

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One write transaction; commits at the end, rolls back on any exception."""
        with self._lock, self._errors():
            self._turn.take(self._turn_s)
            try:
                connection = self._current() or self._open()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            finally:
                self._turn.release()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection for several queries in a row; each sees what is committed when it runs."""
        with self._lock, self._errors():
            yield self._current() or self._open_in_turn()

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        """All rows of one query, outside any transaction of ours."""
        with self._lock, self._errors():
            return (self._current() or self._open_in_turn()).execute(sql, parameters).fetchall()

    def close(self) -> None:
        """Close the connection and the lock file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._turn.close()

    def _current(self) -> sqlite3.Connection | None:
        """The connection, if it leads to the file that is at the path *now*: somebody may have deleted it under us."""
        if self._connection is None:
            return None
        try:
            found = os.stat(self.path)  # noqa: PTH116 - called per transaction; Path.stat costs three times as much
        except FileNotFoundError:
            if not self._rebuildable:
                raise self._unavailable(f"{self.path} has disappeared; restore it before going on") from None
        else:
            if (found.st_dev, found.st_ino) == self._inode:
                return self._connection
        self._connection.close()
        self._connection = None
        return None

    def _open_in_turn(self) -> sqlite3.Connection:
        """Open for a reader: two processes that begin the same file at once would each find the other's half."""
        self._turn.take(self._turn_s)
        try:
            return self._open()
        finally:
            self._turn.release()

    def _open(self) -> sqlite3.Connection:
        """Open, or begin, the file. The caller holds the lock file."""
        if not self.path.exists():
            self._refuse_to_begin()
            for suffix in ("-wal", "-shm", "-journal"):  # must not be replayed into a new file
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if not self._rebuildable or not any(sign in str(error) for sign in _WORTHLESS):
                raise  # a queue that is locked, or on a full disk, is not broken
            self._set_aside()
            return self._connect()

    def _refuse_to_begin(self) -> None:
        """A durable record that was there before must come back from a backup, not as an empty one."""
        if self._rebuildable:
            return
        log = self.path.with_name(self.path.name + "-wal")
        if not self._create or self._inode is not None:
            raise self._unavailable(f"{self.path} is missing or empty; restore it before going on")
        if log.exists() and log.stat().st_size:
            raise self._unavailable(
                f"{self.path} is missing but its log {log.name} holds commits: restore the file beside it before going on"
            )

    def _set_aside(self) -> None:
        """A broken queue is worth nothing, because Truth rebuilds it; what is left may help to find out why."""
        self.path.replace(self.path.with_name(self.path.name + ".broken"))

    def _connect(self) -> sqlite3.Connection:
        patience_s = _BUSY_TIMEOUT_REBUILDABLE_S if self._rebuildable else _BUSY_TIMEOUT_S
        patience_s = 0.0 if self._was_locked else patience_s
        connection = sqlite3.connect(
            self.path, isolation_level=None, timeout=patience_s, cached_statements=256, check_same_thread=False
        )
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            self._refuse_other(version)  # before any pragma: to set the journal mode is to write to the file
            if version == 0:
                self._refuse_to_begin()  # an emptied file is as lost as a missing one
            for pragma in self._pragmas:
                connection.execute(f"PRAGMA {pragma}").fetchall()
            if version == 0:
                self._run(connection, self._schema)
            elif version < self._version:
                self._run(connection, *self._steps[version - 1 :])
        except BaseException:
            connection.close()
            raise
        found = self.path.stat()
        self._connection, self._inode = connection, (found.st_dev, found.st_ino)
        return connection

    def _run(self, connection: sqlite3.Connection, *scripts: str) -> None:
        """All scripts and the version they lead to in one transaction: whoever is interrupted has changed nothing."""
        script = ";\n".join(("BEGIN IMMEDIATE", *scripts, f"PRAGMA user_version={self._version}", "COMMIT;"))
        connection.executescript(script)

    def _refuse_other(self, version: int) -> None:
        """Versions that there is no way from."""
        if self._rebuildable and 0 < version < self._version:
            raise sqlite3.DatabaseError(_OUTDATED)
        if version > self._version:
            raise NewerSchemaError(
                f"{self.path} was written by a newer version (schema {version}, this one knows {self._version}); "
                "upgrade this program or use another home. Nothing was changed."
            )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
            if self._was_locked:
                self._wait_for_others(_BUSY_TIMEOUT_REBUILDABLE_S)
        except sqlite3.Error as error:
            if self._rebuildable and "locked" in str(error):
                self._wait_for_others(0)
            if self._rebuildable and any(sign in str(error) for sign in _BROKEN):
                self._begin_anew()
            raise self._unavailable(f"{self.path}: {error}{_remedy(error)}") from error
        except TimeoutError as error:
            words = f"{error}. If it was stopped, let it go on (kill -CONT) or end it"
            raise self._unavailable(f"{self.path}: {words}") from error
        except OSError as error:  # the folder around the file, not the file: unmounted, replaced, read-only
            raise self._unavailable(f"{self.path}: {error.strerror}") from error

    def _wait_for_others(self, patience_s: float) -> None:
        """How long the next call waits for a program that keeps the file locked.

        Who waited in vain once does not wait again until it is free: a pass asks a queue a dozen times, and has to say
        within one cycle that it cannot read it.
        """
        self._was_locked = patience_s == 0
        if self._connection is not None:
            self._connection.execute(f"PRAGMA busy_timeout={int(patience_s * 1000)}")

    def _begin_anew(self) -> None:
        """Make the next call start with an empty file, if the broken one is still there and still ours."""
        try:
            self._turn.take(self._turn_s)
        except TimeoutError:
            return  # whoever holds it may be beginning it anew just now; the next call finds out
        try:
            with contextlib.suppress(OSError):  # if it cannot be moved, every call says so until somebody helps
                found = self.path.stat()
                if (found.st_dev, found.st_ino) == self._inode:
                    self._set_aside()
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        finally:
            self._turn.release()


def _remedy(error: sqlite3.Error) -> str:
    text = str(error)
    if "full" in text:
        return ". The disk is full: free space and run the same command again; nothing committed is lost"
    if "readonly" in text or "unable to open" in text:
        return ". The home must be a writable directory"
    if "locked" in text:
        return ". Another program holds this file open for writing"
    if "malformed" in text or "not a database" in text:
        return ". The file is damaged: restore it from a backup"
    return ""
