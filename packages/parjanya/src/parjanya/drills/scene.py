"""One embedded instance under drill, and the hands that reach into its files from outside.

Callers: the drills. Everything here is what an operator, a script, a kernel or a full disk could do; nothing of it goes through a
door of the product that exists for drills.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from parjanya.drills import processes
from parjanya.drills.any_scene import LOOK_EVERY_S, TENANT, AnyScene
from parjanya.drills.shape import DrillStoppedError

__all__ = ["LOOK_EVERY_S", "TENANT", "Scene"]

_TWICE = (
    "SELECT i.item, j.key, j.value->>'generation', count(*) FROM history h JOIN item i ON i.id = h.item_id,"
    " json_each(h.after) j WHERE j.value->>'state' = 'completed'"
    " GROUP BY h.item_id, j.key, j.value->>'generation' HAVING count(*) > 1"
)


class Scene(AnyScene):
    """An instance whose stores are files of its home."""

    @property
    def begun(self) -> bool:
        return (self.home / "truth.db").exists()

    # -- the stores, as anybody with a file system reaches them

    def truth_sql(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Read or change truth.db, as a one-off script would."""
        return self._sql("truth.db", sql, parameters)

    def truth_script(self, statements: Sequence[str]) -> None:
        """Change truth.db by several statements in one transaction."""
        with self.locked("truth.db"), closing(sqlite3.connect(self.home / "truth.db", timeout=10.0)) as connection:
            for sql in statements:
                connection.execute(sql)
            connection.commit()

    def intent_sql(self, sql: str, parameters: Sequence[object] = (), locked: bool = False) -> list[tuple[Any, ...]]:
        """Read or change intent.db, as a script, or a lossy queue, would; *locked*: writers are kept out already."""
        return self._sql("intent.db", sql, parameters, locked)

    def _sql(self, name: str, sql: str, parameters: Sequence[object], locked: bool = False) -> list[tuple[Any, ...]]:
        path = self.home / name
        with ExitStack() as stack:
            if not locked and not sql.startswith("SELECT"):
                stack.enter_context(self.locked(name))  # how the product's writers queue: who does not, waits for luck
            connection = stack.enter_context(closing(sqlite3.connect(path, timeout=10.0, isolation_level=None)))
            return connection.execute(sql, parameters).fetchall()

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Keep every writer of the store *name* out."""
        lock = os.open(self.home / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    @contextmanager
    def held(self, pid: int) -> Iterator[None]:
        """Stop the process *pid* while it holds no lock on a store, so that only it stands still; at the end it goes on."""
        try:
            while True:
                with self.locked("truth.db"), self.locked("intent.db"):
                    processes.stop(pid, self.pause)
                    if self._nobody_reads("intent.db"):
                        break
                processes.go_on(pid)
                self.pause(0.005)
            yield
        finally:
            processes.go_on(pid)

    def _nobody_reads(self, name: str) -> bool:
        """Whether the file can be had alone: a process that was stopped inside a read would keep all writers out."""
        with closing(sqlite3.connect(self.home / name, timeout=0.5, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                return False
            connection.execute("ROLLBACK")
        return True

    @contextmanager
    def backlog(self, paths: Sequence[Path] | None = None) -> Iterator[tuple[str, int]]:
        """An engine whose only worker stands still in front of a queue that is not empty; gives the worker's name and id."""
        self.start_engine()
        self.ingest(paths=paths)
        began_s = self.clock.monotonic_s()
        sent = "SELECT count(*) FROM message"
        self.until(lambda: self.intent_sql(sent) != [(0,)], "the stream emits", every_s=0.01, look=False)
        self.measures["emitted_by_the_stream_s"] = round(self.clock.monotonic_s() - began_s, 3)
        owner, pid = self.a_worker()
        with self.held(pid):
            waiting = self.intent_sql("SELECT count(*) FROM message WHERE owner IS NULL")[0][0]
            if not waiting:
                raise DrillStoppedError("the worker was faster than the drill: nothing waits in the queue")
            self.measures["waiting_messages"] = waiting
            self.until(self.quiet, "the instance looks well before the incident")
            yield owner, pid

    def settled(self) -> bool:
        (open_rows, rows, items) = self.truth_sql(
            "SELECT (SELECT count(*) FROM stage WHERE state IN ('pending', 'waiting')),"
            " (SELECT count(*) FROM stage), (SELECT count(*) FROM item)"
        )[0]
        return bool(items > 0 and open_rows == 0 and rows == items * len(self.system.workflow.stages))

    def committed_twice(self) -> list[tuple[str, str, int, int]]:
        return [(str(item), str(stage), int(nth), int(n)) for item, stage, nth, n in self.truth_sql(_TWICE)]
