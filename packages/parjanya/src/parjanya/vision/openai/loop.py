"""One event loop in one thread: where requests wait, so that each can be ended at its deadline and all of them at once.

Caller: ``engine``. Threads that wait in a read cannot be stopped; tasks can.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")
_PATIENCE_S = 10.0


class LoopThread:
    """Starts at once; ``close`` ends what still runs."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run *work* in the loop; its future can be waited for from any other thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def settle(self, futures: list[Future[Any]]) -> None:
        """Cancel *futures* and return when nothing of them runs any more."""
        for future in futures:
            future.cancel()
        # The cancellation of each task was handed to the loop before this, so a round of it later all have been told.
        self.submit(_others_end()).result(_PATIENCE_S)

    def close(self, last: Coroutine[Any, Any, None]) -> None:
        """Cancel what runs, run *last*, stop the loop, end the thread."""
        self.submit(_cancel_others()).result(_PATIENCE_S)
        self.submit(last).result(_PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        self._loop.close()


async def _others_end() -> None:
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        if task.cancelling():
            await asyncio.wait([task], timeout=_PATIENCE_S / 2)


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=_PATIENCE_S / 2)
