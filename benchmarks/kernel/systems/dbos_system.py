"""DBOS queues: two executors, one workflow for each job, on SQLite or PostgreSQL.

Queue polling is lowered from one second to 10 ms and tracing is off. It has no bulk enqueue: a workflow is
started in the queue one by one, through ``DBOSClient`` as a program outside the workers does.
"""

# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator"
from __future__ import annotations

import signal
from typing import Any

from systems.protocol import System

_POLL_S = 0.01


class _Dbos(System):
    durable = True
    share = 0.03

    def _url(self) -> str:
        raise NotImplementedError

    def _launch(self) -> None:
        import dbos

        config: dict[str, Any] = {
            "name": "bench",
            "system_database_url": self._url(),
            "application_version": "1",
            "executor_id": f"executor-{self.site.number}",
            "log_level": "ERROR",
            "enable_otlp": False,
        }
        dbos.DBOS(config=config)
        marks = self.site.marks

        @dbos.DBOS.workflow(name="noop")
        def noop(job: int) -> None:
            marks.ran(job)

        dbos.DBOS.launch()
        dbos.DBOS.register_queue("jobs", polling_interval_sec=_POLL_S)

    def setup(self) -> None:
        import dbos

        self._launch()
        dbos.DBOS.destroy()

    def open_producer(self) -> None:
        import dbos

        self._client = dbos.DBOSClient(system_database_url=self._url())

    def produce(self, span: range) -> None:
        for job in span:
            self._client.enqueue({"queue_name": "jobs", "workflow_name": "noop", "app_version": "1"}, job)

    def work(self) -> None:
        self._launch()
        signal.pause()


class DbosSqlite(_Dbos):
    """Its default database."""

    settings = "SQLite system database, queue polled each 10 ms, no concurrency limit, 2 executors"

    def _url(self) -> str:
        return f"sqlite:///{self.site.home}/dbos.sqlite"


class DbosPostgres(_Dbos):
    """The database it is made for."""

    settings = "PostgreSQL system database, queue polled each 10 ms, no concurrency limit, 2 executors"
    needs = ("postgres",)

    def _url(self) -> str:
        return self.site.postgres_url
