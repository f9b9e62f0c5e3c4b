"""DBOS on SQLite: two executors that run one workflow of the queue at a time.

The body is a step, and its effect is also written by a datasource transaction: DBOS's own means to count an effect once.
``default`` gives the executors no names, so that both are ``local``. ``best`` names them, as several executors need, so
that a restarted one takes back what was its own. Without its hosted control plane nobody else takes it.
"""

# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator"
from __future__ import annotations

import signal
import sqlite3
from typing import Any, ClassVar

from benchmarks.peers.systems.protocol import System


class Dbos(System):
    """See the module."""

    title = "DBOS, SQLite"
    packages = ("dbos", "sqlalchemy")
    settings: ClassVar[dict[str, str]] = {
        "default": "2 executors, queue with worker_concurrency=1, all else as installed (both are executor `local`)",
        "best": "the same with an executor_id for each",
    }
    cases: ClassVar[dict[str, tuple[str, ...]]] = {
        "flush": ("default",),
        "kill-process": ("default", "best"),
        "kill-service": ("default", "best"),
        "zombie": ("best",),
    }
    destroyed = "the rows of `workflow_status` that are ENQUEUED (DELETE): its queue is its record, there is no other"
    fencing = (
        "each claim of a workflow writes an owner; a step or datasource transaction of an earlier owner is refused"
    )
    replacement = (
        "nobody takes a live executor's work; a second one was started under its name, as after a failed health check"
    )

    def _url(self, name: str) -> str:
        return f"sqlite:///{self.site.home}/{name}"

    def _launch(self) -> None:
        import dbos
        import sqlalchemy

        config: dict[str, Any] = {
            "name": "peers",
            "system_database_url": self._url("dbos.sqlite"),
            "application_version": "1",
            "log_level": "WARNING",
        }
        if self.site.setting == "best" and self.site.service:
            config["executor_id"] = self.site.service
        dbos.DBOS(config=config)
        source = dbos.SQLAlchemyDatasource.create(self._url("guarded.db"))
        with sqlite3.connect(self.site.home / "guarded.db", timeout=60.0) as db:
            db.execute("CREATE TABLE IF NOT EXISTS guarded (job INTEGER, pid INTEGER)")

        @dbos.DBOS.step()
        def body(job: int) -> int:
            return self.site.perform(job)

        @source.transaction()
        def note(job: int, pid: int) -> None:
            source.sql_session().execute(sqlalchemy.text("INSERT INTO guarded VALUES (:j, :p)"), {"j": job, "p": pid})

        @dbos.DBOS.workflow(name="work")
        def work(job: int) -> int:
            pid: int = body(job)
            note(job, pid)
            return pid

        dbos.DBOS.launch()
        dbos.DBOS.register_queue("jobs", worker_concurrency=1)

    def setup(self) -> object:
        import dbos

        self._launch()
        dbos.DBOS.destroy()
        return None

    def enqueue(self) -> object:
        import dbos

        client = dbos.DBOSClient(system_database_url=self._url("dbos.sqlite"))
        for job in range(self.site.jobs):
            options = {"queue_name": "jobs", "workflow_name": "work", "app_version": "1", "workflow_id": f"job-{job}"}
            client.enqueue(options, job)
        return self.site.jobs

    def destroy(self) -> object:
        db = sqlite3.connect(self.site.home / "dbos.sqlite", timeout=60.0)
        db.execute("PRAGMA foreign_keys = ON")
        with db:
            deleted = db.execute("DELETE FROM workflow_status WHERE status = 'ENQUEUED'").rowcount
        db.close()
        return deleted

    def serve(self) -> object:
        self._launch()
        self.site.ready()
        while True:
            signal.pause()

    def record(self) -> object:
        import dbos

        db = sqlite3.connect(self.site.home / "guarded.db", timeout=60.0)
        pids = [row[0] for row in db.execute("SELECT pid FROM guarded WHERE job = 0")]
        db.close()
        client = dbos.DBOSClient(system_database_url=self._url("dbos.sqlite"))
        (status,) = client.list_workflows(workflow_ids=["job-0"])
        return {"guarded": len(pids), "result_pid": status.output, "state": status.status}
