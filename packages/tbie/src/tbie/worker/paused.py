"""What a worker knows of pauses: read seldom, and again before anything is put off because of one.

The second reading is what keeps wake-ups: a pause that has just ended must not hold back what was just woken.
"""

from __future__ import annotations

from tbie.core.clock import Clock
from tbie.core.settings import Settings
from tbie.pause import PAUSE, FailureClass, Pause, read_pauses
from tbie.truth import TruthStore


class Paused:
    """The pauses of one system, as one worker sees them."""

    def __init__(self, truth: TruthStore, clock: Clock, settings: Settings) -> None:
        self._truth, self._clock, self._settings = truth, clock, settings
        self._pauses: dict[FailureClass, Pause] = {}
        self._read_at_s = clock.monotonic_s()

    def until(self, of: FailureClass, token: str | None = None) -> int | None:
        """Until when attempts of *of* are put off (epoch ms); None if it is not paused, or *token* is its probe.

        Raises:
            TruthUnavailableError: the pauses cannot be read.
        """
        if self._clock.monotonic_s() >= self._read_at_s:
            self._read()
        if of not in self._pauses:
            return None
        self._read()
        pause = self._pauses.get(of)
        if pause is None or pause.healed or (token is not None and token == pause.probe):
            return None
        return max(pause.until_ms, self._clock.now_ms() + int(1000 * self._settings.poll_interval_s))

    def _read(self) -> None:
        self._read_at_s = self._clock.monotonic_s() + self._settings.poll_interval_s
        self._pauses = {of: pause for of, (pause, _) in read_pauses(self._truth.documents(PAUSE)).items()}
