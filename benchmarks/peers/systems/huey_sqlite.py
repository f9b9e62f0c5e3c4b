"""huey on SQLite: two consumers with one worker process each, as installed.

Its queue deletes a task when it hands it out, and nothing keeps it until it is done; there is no setting that changes
that, so there is no ``best`` beside the ``default``.
"""

# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator"
from __future__ import annotations

import sqlite3
from typing import Any, ClassVar

from benchmarks.peers.systems.protocol import System


class Huey(System):
    """See the module."""

    title = "huey, SQLite"
    packages = ("huey",)
    settings: ClassVar[dict[str, str]] = {
        "default": "SqliteHuey(); 2 consumers with 1 worker process each; no setting keeps a task until it is done"
    }
    cases: ClassVar[dict[str, tuple[str, ...]]] = dict.fromkeys(
        ("flush", "kill-process", "kill-service", "zombie"), ("default",)
    )
    destroyed = "every row of the tables `task` and `schedule` (DELETE), consumers running"

    def _make(self) -> tuple[Any, Any]:
        import huey

        queue = huey.SqliteHuey(filename=str(self.site.home / "huey.db"))

        @queue.task()
        def work(job: int) -> int:
            return self.site.perform(job)

        return queue, work

    def enqueue(self) -> object:
        _, work = self._make()
        for job in range(self.site.jobs):
            work(job)
        return self.site.jobs

    def destroy(self) -> object:
        db = sqlite3.connect(self.site.home / "huey.db", timeout=60.0)
        with db:
            ((pending,),) = db.execute("SELECT count(*) FROM task").fetchall()
            db.execute("DELETE FROM task")
            db.execute("DELETE FROM schedule")
        db.close()
        return pending

    def serve(self) -> object:
        from huey.consumer import Consumer

        queue, _ = self._make()
        self.site.ready()
        return Consumer(queue, workers=1, worker_type="process").run()
