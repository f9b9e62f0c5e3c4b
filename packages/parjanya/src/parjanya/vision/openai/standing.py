"""What is known of the server between requests: fit, unfit and since what, or to be left alone for a while.

Callers: the engine's loop writes it, ``attest`` and every new request read it. It owns the back-off: a server that is away is
looked for again soon, then less often, never less than every few seconds, so that one that returns is used within seconds.
"""

from __future__ import annotations

import threading

from tbie.core.clock import Clock
from tbie.execution import Drift

FIRST_CHECK_S = 0.5
MOST_CHECK_S = 5.0


class Standing:
    """Thread-safe."""

    def __init__(self, clock: Clock, fresh_s: float) -> None:
        self._clock = clock
        self._fresh_s = fresh_s
        self._lock = threading.Lock()
        self._drift: Drift | None = None
        self._seen_s = clock.monotonic_s()
        self._next_s = 0.0
        self._step_s = FIRST_CHECK_S
        self._rest_until_s = 0.0

    @property
    def drift(self) -> Drift | None:
        """What is wrong, None if nothing is known to be."""
        with self._lock:
            return self._drift

    def is_fit(self) -> None:
        """A check found everything as it should be."""
        with self._lock:
            self._drift = None
            self._step_s = FIRST_CHECK_S
            self._seen_s = self._clock.monotonic_s()

    def answered(self) -> None:
        """The server gave a picture an answer: a sign of life, but no proof against a drift that a check has found."""
        with self._lock:
            self._seen_s = self._clock.monotonic_s()

    def is_unfit(self, drift: Drift) -> None:
        """The server is away, or not what was declared."""
        with self._lock:
            if self._drift is None:
                self._step_s = FIRST_CHECK_S
            self._drift = drift
            self._next_s = self._clock.monotonic_s() + self._step_s
            self._step_s = min(MOST_CHECK_S, 2 * self._step_s)

    def leave_alone(self, seconds: float) -> None:
        """The server asked to be left alone for *seconds*."""
        with self._lock:
            self._rest_until_s = max(self._rest_until_s, self._clock.monotonic_s() + seconds)

    def rest_s(self) -> float:
        """Seconds for which the server still wants to be left alone."""
        with self._lock:
            return max(0.0, self._rest_until_s - self._clock.monotonic_s())

    def next_check_s(self) -> float:
        """Seconds until an unfit server is looked at again."""
        with self._lock:
            return max(0.0, self._next_s - self._clock.monotonic_s())

    def is_due(self) -> bool:
        """Whether a heartbeat should look again."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            if self._drift is not None:
                return now_s >= self._next_s
            return now_s >= max(self._seen_s + self._fresh_s, self._rest_until_s)
