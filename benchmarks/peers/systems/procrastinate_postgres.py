"""Procrastinate on PostgreSQL: two workers that run one job at a time.

``default`` has no task that retries stalled jobs: the documentation leaves that to the application. ``best`` adds the
periodic task that it shows, with shorter times, so that it can be seen here (as shown it runs every ten minutes, and
takes a worker for dead after 30 s).
"""

# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator, no-any-return"
from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from benchmarks.peers.systems.protocol import System

_HEARTBEAT_S, _STALLED_S, _LOOK = 1.0, 10.0, "* * * * * */5"


class Procrastinate(System):
    """See the module."""

    title = "Procrastinate, PostgreSQL"
    needs = ("postgres",)
    packages = ("procrastinate", "psycopg")
    settings: ClassVar[dict[str, str]] = {
        "default": "2 workers with concurrency=1, all else as installed; no task for stalled jobs",
        "best": f"periodic task each 5 s that retries get_stalled_jobs(seconds_since_heartbeat={_STALLED_S:g}), "
        f"update_heartbeat_interval={_HEARTBEAT_S:g}, stalled_worker_timeout={_STALLED_S:g}",
    }
    cases: ClassVar[dict[str, tuple[str, ...]]] = {
        "flush": ("default",),
        "kill-process": ("default", "best"),
        "kill-service": ("default", "best"),
        "zombie": ("default", "best"),
    }
    destroyed = "every row of `procrastinate_jobs` and what refers to it (TRUNCATE … CASCADE), workers running"

    def _make(self) -> tuple[Any, Any]:
        import procrastinate

        app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=self.site.postgres_url))

        @app.task(name="work")
        def work(job: int) -> int:
            return self.site.perform(job)

        async def retry_stalled(context: Any, timestamp: int) -> None:
            del context, timestamp
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_S):
                await app.job_manager.retry_job(job)

        if self.site.setting == "best":
            stalled = app.task(name="retry_stalled", queueing_lock="retry_stalled", pass_context=True)
            app.periodic(cron=_LOOK)(stalled(retry_stalled))
        return app, work

    def setup(self) -> object:
        async def apply() -> None:
            app, _ = self._make()
            async with app.open_async():
                await app.schema_manager.apply_schema_async()

        return asyncio.run(apply())

    def enqueue(self) -> object:
        async def add() -> int:
            app, work = self._make()
            async with app.open_async():
                await work.batch_defer_async(*({"job": job} for job in range(self.site.jobs)))
            return self.site.jobs

        return asyncio.run(add())

    def destroy(self) -> object:
        import psycopg

        with psycopg.connect(self.site.postgres_url) as db:
            ((pending,),) = db.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'work'").fetchall()
            db.execute("TRUNCATE procrastinate_jobs CASCADE")
        return pending

    def serve(self) -> object:
        app, _ = self._make()
        beats = {"update_heartbeat_interval": _HEARTBEAT_S, "stalled_worker_timeout": _STALLED_S}
        self.site.ready()
        app.run_worker(concurrency=1, name=self.site.service, **(beats if self.site.setting == "best" else {}))
        return None

    def record(self) -> object:
        import psycopg

        with psycopg.connect(self.site.postgres_url) as db:
            rows = db.execute("SELECT status FROM procrastinate_jobs WHERE task_name = 'work'").fetchall()
        return {"guarded": None, "result_pid": None, "state": rows[0][0] if rows else None}
