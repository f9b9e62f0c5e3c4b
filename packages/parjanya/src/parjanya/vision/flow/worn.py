"""When a process should make room for a fresh one: memory that does not come back, a device that fails for everything.

Caller: ``flow``. Two facts count as memory lost: a picture alone did not fit although as much has fitted in this process
before, and a picture alone did not fit at the smallest pixel budget. A picture that never fitted at the budget that was asked
for is no sign of wear: a fresh process would meet the same.
"""

from __future__ import annotations

from collections import deque

from tbie.core.clock import Clock


class Wear:
    """What a process has been through. *ooms* signs of lost memory within *window_s* wear it out, *failures* in a row too."""

    def __init__(self, clock: Clock, ooms: int, window_s: float, failures: int) -> None:
        self._clock, self._ooms, self._window_s, self._failures = clock, ooms, window_s, failures
        self._lost: deque[float] = deque(maxlen=ooms)
        self._in_a_row = 0
        self._largest = 0
        self._words: str | None = None

    @property
    def words(self) -> str | None:
        """Why the process is worn, None if it is not. Once worn it stays so."""
        return self._words

    @property
    def broken(self) -> bool:
        """Whether the device has failed for everything lately, so that nothing more should be tried on it."""
        return self._in_a_row >= self._failures

    def fitted(self, used: int) -> None:
        """A piece of *used* padded tokens ran."""
        self._largest = max(self._largest, used)
        self._in_a_row = 0

    def did_not_fit(self, used: int, smallest: bool) -> None:
        """One picture alone, of *used* tokens, did not fit; *smallest* if its pixel budget cannot be made smaller."""
        if used > self._largest and not smallest:
            return
        now = self._clock.monotonic_s()
        self._lost.append(now)
        if len(self._lost) == self._ooms and now - self._lost[0] <= self._window_s:
            self._words = self._words or (
                f"memory of the device does not come back: {self._ooms} pictures did not fit on their own within "
                f"{now - self._lost[0]:.0f} s"
            )

    def failed(self, words: str) -> None:
        """One picture alone ended in an error, *words*, that was not about memory."""
        self._in_a_row += 1
        if self.broken:
            self._words = (
                self._words or f"{self._in_a_row} pictures in a row failed on their own, the last with {words}"
            )
