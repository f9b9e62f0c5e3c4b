"""Celery on Redis: one worker with two prefork processes, results ignored, no events.

Acknowledged early (its default), which is faster and loses the job of a worker that dies. One publish for each
job: Celery has no bulk publish; ``producer`` is reused, which is what its documentation recommends for many
messages.
"""

# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator"
from __future__ import annotations

from typing import Any

from systems.protocol import System


class CeleryRedis(System):
    """See the module."""

    settings = "prefork x2, prefetch 100, ignore_result, no gossip/mingle/heartbeat/events, Redis without persistence"
    needs = ("redis",)
    processes = 1
    share = 0.15

    def _make(self) -> Any:
        import celery

        app = celery.Celery("bench", broker=self.site.redis_url)
        app.conf.update(
            task_ignore_result=True,
            worker_prefetch_multiplier=100,
            worker_send_task_events=False,
            broker_connection_retry_on_startup=True,
            broker_pool_limit=4,
            worker_hijack_root_logger=False,
        )
        marks = self.site.marks

        @app.task(name="noop", ignore_result=True)
        def noop(job: int) -> None:
            marks.ran(job)

        self.app = app
        return noop

    def open_producer(self) -> None:
        self._noop = self._make()
        self._pool = self.app.producer_pool
        with self._pool.acquire(block=True) as producer:
            producer.connection.ensure_connection(max_retries=3)

    def produce(self, span: range) -> None:
        with self._pool.acquire(block=True) as producer:
            for job in span:
                self._noop.apply_async((job,), producer=producer)

    def open_worker(self) -> None:
        self._make()

    def work(self) -> None:
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR"]
        self.app.worker_main(["worker", "--pool=prefork", "--concurrency=2", *quiet])
