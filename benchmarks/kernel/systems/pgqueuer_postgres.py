"""PgQueuer on PostgreSQL through asyncpg: two processes, batches of 100, bulk enqueue of 500 in one statement.

PostgreSQL runs as installed, with ``synchronous_commit`` and ``fsync`` on: durable, like our Truth.
"""

# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator"
from __future__ import annotations

import asyncio
import select
import sys
from datetime import timedelta
from typing import Any

from systems.protocol import System

_GROUP = 500
_BATCH = 100


class PgQueuerPostgres(System):
    """See the module."""

    settings = (
        f"asyncpg, batch_size={_BATCH}, bulk enqueue of {_GROUP}, 2 processes, PostgreSQL defaults (fsync on); "
        "ends when its queue is empty"
    )
    needs = ("postgres",)
    durable = True
    settles = True

    async def _queries(self) -> Any:
        import asyncpg
        from pgqueuer.db import AsyncpgDriver
        from pgqueuer.queries import Queries

        return Queries(AsyncpgDriver(await asyncpg.connect(self.site.postgres_url)))

    def setup(self) -> None:
        async def install() -> None:
            await (await self._queries()).install()

        asyncio.run(install())

    def open_producer(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._adder = self._loop.run_until_complete(self._queries())

    def produce(self, span: range) -> None:
        async def add() -> None:
            for first in range(span.start, span.stop, _GROUP):
                jobs = range(first, min(first + _GROUP, span.stop))
                await self._adder.enqueue(["noop"] * len(jobs), [b"%d" % job for job in jobs], [0] * len(jobs))

        self._loop.run_until_complete(add())

    def idle(self) -> None:
        select.select([sys.stdin], [], [], 0.01)

    def settled(self, span: range) -> dict[str, object] | None:
        del span
        left = self._loop.run_until_complete(self._adder.driver.fetch("SELECT EXISTS (SELECT 1 FROM pgqueuer) AS left"))
        return None if left[0]["left"] else {"queued": 0}

    def work(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        from pgqueuer.qm import QueueManager

        manager = QueueManager(await self._queries())
        marks = self.site.marks

        async def noop(job: Any) -> None:
            marks.ran(int(job.payload))

        manager.entrypoint("noop", accepts_context=False)(noop)
        await manager.run(dequeue_timeout=timedelta(seconds=1), batch_size=_BATCH)
