"""Results on their way into one commit: none waits for longer than a moment, whatever the flow that brings them does next.

Caller: ``worker``, for handlers that answer as they go. The one place in a worker that is entered from several threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from tbie.core.clock import Clock
from tbie.truth import Settle
from tbie.worker.chain import Job

Ripe = tuple[Settle, Job]
Later = Callable[[float, Callable[[], None]], Callable[[], object]]
"""After so many seconds do that, in another thread. What it returns takes it back."""


def never(seconds: float, do: Callable[[], None]) -> Callable[[], object]:
    """For workers with a single thread: what is ripe is committed when the flow next says anything."""
    del seconds, do
    return lambda: None


def in_a_thread(seconds: float, do: Callable[[], None]) -> Callable[[], object]:
    """A timer of its own for each: there are at most a few in a second."""
    timer = threading.Timer(seconds, do)
    timer.daemon = True
    timer.start()
    return timer.cancel


class Ripening:
    """Collects results and hands them to *commit*, the first of them at most *flush_s* after it came."""

    def __init__(
        self, commit: Callable[[Sequence[Ripe]], None], clock: Clock, flush_s: float, later: Later = never
    ) -> None:
        self._commit, self._clock, self._flush_s, self._later = commit, clock, flush_s, later
        self._waiting: list[Ripe] = []
        self._ripe_at_s = 0.0
        self._trouble: Exception | None = None
        self._stopped = False
        self._take_back: Callable[[], object] = lambda: None
        self._lock = threading.RLock()

    def add(self, settle: Settle, job: Job) -> None:
        """One more result.

        Raises:
            TruthUnavailableError: what was collected could not be committed, now or in another thread.
        """
        with self._lock:
            self._raise_trouble()
            if not self._waiting and not self._stopped:
                self._ripe_at_s = self._clock.monotonic_s() + self._flush_s
                self._take_back = self._later(self._flush_s, self.turn)
            self._waiting.append((settle, job))
            if self._clock.monotonic_s() >= self._ripe_at_s:
                self.commit()

    def turn(self) -> None:
        """Commit what is ripe. Raises nothing: whoever adds next is told. For other threads, and for flows."""
        with self._lock:
            if self._waiting and self._trouble is None and self._clock.monotonic_s() >= self._ripe_at_s:
                try:
                    self.commit()
                except Exception as error:  # noqa: BLE001 - a thread that nobody waits for must not keep it to itself
                    self._trouble = error

    def commit(self) -> None:
        """Commit everything now. Raises as ``add`` does."""
        with self._lock:
            self._take_back()
            self._raise_trouble()
            results, self._waiting = self._waiting, []
            if results:
                self._commit(results)

    def stop(self) -> None:
        """No other thread commits anything from here on, and nothing but ``commit`` does."""
        with self._lock:
            self._take_back()
            self._stopped, self._ripe_at_s = True, float("inf")

    def _raise_trouble(self) -> None:
        if self._trouble is not None:
            raise self._trouble
