"""taskiq on Redis, list and stream brokers: two processes, each an event loop that runs up to 100 jobs at once.

Jobs are added in groups of 100 concurrent ``kiq`` calls on one event loop, as it has no bulk call.
"""

# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator"
from __future__ import annotations

import asyncio
from typing import Any

from systems.protocol import System

_GROUP = 100


class _Taskiq(System):
    needs = ("redis",)
    share = 0.5

    def _broker(self) -> Any:
        raise NotImplementedError

    def _make(self) -> Any:
        self.broker = self._broker()
        marks = self.site.marks

        @self.broker.task(task_name="noop")
        async def noop(job: int) -> None:
            marks.ran(job)

        return noop

    def setup(self) -> None:
        async def declare() -> None:
            await self.broker.startup()
            await self.broker.shutdown()

        self._make()
        asyncio.run(declare())

    def open_producer(self) -> None:
        self._noop = self._make()
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self.broker.startup())

    def produce(self, span: range) -> None:
        async def add() -> None:
            for first in range(span.start, span.stop, _GROUP):
                await asyncio.gather(*(self._noop.kiq(job) for job in range(first, min(first + _GROUP, span.stop))))

        self._loop.run_until_complete(add())

    def open_worker(self) -> None:
        self._make()

    def work(self) -> None:
        from taskiq.api import run_receiver_task

        asyncio.run(run_receiver_task(self.broker, run_startup=True, validate_params=False, max_prefetch=100))


class TaskiqList(_Taskiq):
    """A Redis list: a job is gone from Redis when it is handed out."""

    settings = "ListQueueBroker, no results, 2 processes x 100 async tasks, Redis without persistence"

    def _broker(self) -> Any:
        import taskiq_redis

        return taskiq_redis.ListQueueBroker(self.site.redis_url)


class TaskiqStream(_Taskiq):
    """A Redis stream: acknowledged after the job ran."""

    settings = (
        "RedisStreamBroker(xread_count=100), no results, 2 processes x 100 async tasks, Redis without persistence"
    )

    def _broker(self) -> Any:
        import taskiq_redis

        return taskiq_redis.RedisStreamBroker(self.site.redis_url, consumer_id="0", xread_count=100)
