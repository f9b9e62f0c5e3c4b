"""Celery on Redis: two workers with one prefork process each.

``default`` acknowledges a message when it is taken. ``best`` is what its documentation offers for tasks that must survive
their worker: acknowledged late, rejected when the process is lost, nothing prefetched, and a visibility timeout short
enough to be seen here (its default is an hour; a task that runs longer than the timeout is delivered twice), looked at
each second (by default each tenth time of every ten seconds).
"""

# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator"
from __future__ import annotations

from typing import Any, ClassVar

from benchmarks.peers.systems.protocol import System

_VISIBILITY_S = 10


class Celery(System):
    """See the module."""

    title = "Celery, Redis"
    needs = ("redis",)
    packages = ("celery", "kombu", "redis")
    settings: ClassVar[dict[str, str]] = {
        "default": "2 workers, prefork with 1 process each, all else as installed",
        "best": "task_acks_late, task_reject_on_worker_lost, worker_prefetch_multiplier=1, "
        f"visibility_timeout={_VISIBILITY_S}, unacked_restore_interval=1, unacked_restore_throttle=1",
    }
    cases: ClassVar[dict[str, tuple[str, ...]]] = {
        "flush": ("default", "best"),
        "kill-process": ("default", "best"),
        "kill-service": ("default", "best"),
        "zombie": ("default", "best"),
    }
    destroyed = "everything in Redis (FLUSHALL), workers running"

    def _make(self) -> tuple[Any, Any]:
        import celery

        app = celery.Celery("peers", broker=self.site.redis_url, backend=self.site.redis_url)
        app.conf.update(broker_connection_retry_on_startup=True)
        if self.site.setting == "best":
            app.conf.update(
                task_acks_late=True,
                task_reject_on_worker_lost=True,
                worker_prefetch_multiplier=1,
                broker_transport_options={
                    "visibility_timeout": _VISIBILITY_S,
                    "unacked_restore_interval": 1,
                    "unacked_restore_throttle": 1,
                },
            )

        @app.task(name="work")
        def work(job: int) -> int:
            return self.site.perform(job)

        return app, work

    def enqueue(self) -> object:
        _, work = self._make()
        for job in range(self.site.jobs):
            work.apply_async((job,), task_id=f"job-{job}")
        return self.site.jobs

    def destroy(self) -> object:
        import redis

        client = redis.Redis.from_url(self.site.redis_url)
        pending = client.llen("celery") + client.hlen("unacked")
        client.flushall()
        return pending

    def serve(self) -> object:
        from celery.signals import worker_ready

        app, _ = self._make()
        worker_ready.connect(lambda **_: self.site.ready(), weak=False)
        app.worker_main(["worker", "--pool=prefork", "--concurrency=1", "-n", f"{self.site.service}@peers"])
        return None

    def record(self) -> object:
        app, _ = self._make()
        result = app.AsyncResult("job-0")
        return {"guarded": None, "result_pid": result.result if result.successful() else None, "state": result.state}
