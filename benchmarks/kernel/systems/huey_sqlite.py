"""huey on SQLite: one consumer with two worker processes. Three settings of its ``fsync``, all else as
recommended.

It has no bulk enqueue (``put_many`` style): one insert for each job. Its queue deletes a task when it hands it
out, so a worker that dies loses the task, and results are off because a no-op has none to keep: both make it
faster, not slower.
"""

# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator"
from __future__ import annotations

from typing import Any

from systems.protocol import System


class _Huey(System):
    processes = 1
    fsync: bool | None = None

    def _make(self) -> Any:
        import huey

        self.huey = huey.SqliteHuey(filename=str(self.site.home / "huey.db"), fsync=self.fsync, results=False)
        marks = self.site.marks

        @self.huey.task()
        def noop(job: int) -> None:
            marks.ran(job)

        return noop

    def setup(self) -> None:
        self._make()

    def open_producer(self) -> None:
        self._noop = self._make()

    def produce(self, span: range) -> None:
        for job in span:
            self._noop(job)

    def open_worker(self) -> None:
        self._make()

    def work(self) -> None:
        from huey.consumer import Consumer

        Consumer(
            self.huey,
            workers=2,
            worker_type="process",
            periodic=False,
            initial_delay=0.001,  # tuned for latency: an empty queue is looked at again after 1 ms, 10 ms at most
            max_delay=0.01,
            check_worker_health=False,
        ).run()


class HueyFsync(_Huey):
    """Every statement of the queue is on disk before it returns."""

    settings = "SqliteHuey(fsync=True, results=False), 2 worker processes, polling 1-10 ms"
    durable = True
    fsync = True
    share = 0.25


class HueyDefault(_Huey):
    """What SqliteHuey() does: leave ``synchronous`` as SQLite was built (FULL, unless compiled otherwise)."""

    settings = "SqliteHuey(results=False): synchronous as SQLite was built, 2 worker processes, polling 1-10 ms"
    durable = True
    share = 0.25


class HueyNoSync(_Huey):
    """Nothing is waited for: a power cut may lose jobs or damage the file."""

    settings = "SqliteHuey(fsync=False, results=False), 2 worker processes, polling 1-10 ms"
    fsync = False
