"""The application whose jobs the systems run: its rows stand in a database of its own, which no scenario destroys.

It is the one judge of all systems: a job counts as done when its row says so, and an effect is a row that every run
of the job's body adds, as an e-mail or a payment would be. Standard library only: the peers import it inside their own
environment. Times are on the machine's monotonic clock, which all its processes share.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_GATE_PATIENCE_S = 300.0  # longer than any scenario: a body that outlives its scenario must not stay for ever
_LOOK_S = 0.02

_SCHEMA = """
CREATE TABLE item (job INTEGER PRIMARY KEY, state TEXT NOT NULL, done_s REAL);
CREATE TABLE attempt (job INTEGER NOT NULL, pid INTEGER NOT NULL, began_s REAL NOT NULL);
CREATE TABLE effect (job INTEGER NOT NULL, pid INTEGER NOT NULL, at_s REAL NOT NULL);
"""


class Attempt(NamedTuple):
    """One time that a job's body was entered."""

    job: int
    pid: int
    began_s: float


class Application:
    """The tables, and the gate that holds a body in the middle of its work until the scenario opens it."""

    def __init__(self, home: Path) -> None:
        self._path, self._gate = home / "application.db", home / "gate"

    def make(self, jobs: int) -> None:
        """Begin with *jobs* rows that are pending."""
        with self._open() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(_SCHEMA)
            with db:
                db.executemany("INSERT INTO item VALUES (?, 'pending', NULL)", [(job,) for job in range(jobs)])

    def perform(self, job: int, *, hold_all: bool) -> int:
        """The body of every job, in every system: enter, be held, leave an effect, say done. Returns its process id.

        The first attempt is held until the gate opens; with *hold_all*, so is each later one.
        """
        with self._open() as db, db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT INTO attempt VALUES (?, ?, ?)", (job, os.getpid(), time.monotonic()))
            ((number,),) = db.execute("SELECT count(*) FROM attempt WHERE job = ?", (job,)).fetchall()
        if hold_all or number == 1:
            self._await_gate()
        with self._open() as db, db:
            now = time.monotonic()
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT INTO effect VALUES (?, ?, ?)", (job, os.getpid(), now))
            db.execute("UPDATE item SET state = 'done', done_s = coalesce(done_s, ?) WHERE job = ?", (now, job))
        return os.getpid()

    def open_gate(self) -> None:
        """Let every held body go on."""
        self._gate.touch()

    def attempts(self) -> list[Attempt]:
        """All of them, in the order in which they began."""
        with self._open() as db:
            return [Attempt(*row) for row in db.execute("SELECT job, pid, began_s FROM attempt ORDER BY began_s")]

    def done_times(self) -> list[float]:
        """When each row that is done was first said to be, in order."""
        with self._open() as db:
            return [row[0] for row in db.execute("SELECT done_s FROM item WHERE state = 'done' ORDER BY done_s")]

    def effects(self, job: int) -> list[int]:
        """The processes that left the effect of *job*, in order."""
        with self._open() as db:
            return [row[0] for row in db.execute("SELECT pid FROM effect WHERE job = ? ORDER BY at_s", (job,))]

    def _await_gate(self) -> None:
        deadline = time.monotonic() + _GATE_PATIENCE_S
        while not self._gate.exists():
            if time.monotonic() > deadline:
                raise TimeoutError("the gate was never opened")
            time.sleep(_LOOK_S)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=60.0, isolation_level=None)
        try:
            yield db
        finally:
            db.close()
