"""Whose clock differs from ours, as far as heartbeats show: pure, but for remembering the last look.

A heartbeat from the future needs a clock that is ahead. One that has changed since the last look was written after that
look; if it calls itself older, its clock is behind.
"""

from __future__ import annotations

from collections.abc import Iterable

from tbie.truth import Heartbeat

_LOOKS = 3  # looks for which a finding outlives the last heartbeat: whoever said it may be gone


class SkewWatch:
    """Compares each look at the heartbeats with the one before."""

    def __init__(self, tolerance_s: float) -> None:
        self._tolerance_s = tolerance_s
        self._last: dict[str, int] = {}
        self._behind: dict[str, tuple[float, int]] = {}
        self._looked_s: float | None = None

    def look(self, heartbeats: Iterable[Heartbeat], now_ms: int, now_s: float) -> dict[str, float]:
        """Seconds by which the clocks of instances differ from ours, where that is too much.

        Args:
            now_ms: our wall clock.
            now_s: our monotonic clock, for how long ago the last look was.
        """
        beats = {beat.instance: beat.at_ms for beat in heartbeats}
        found: dict[str, float] = {}
        behind: dict[str, tuple[float, int]] = {}
        for instance, at_ms in beats.items():
            ahead = (at_ms - now_ms) / 1000
            if ahead > self._tolerance_s:
                found[instance] = round(ahead, 3)
                continue
            known = self._last.get(instance)
            if known == at_ms:  # nothing new: what was seen of it last still holds
                skew, looks = self._behind.get(instance, (0.0, 0))
                if looks:
                    behind[instance] = (skew, looks - 1)
            elif known is not None and self._looked_s is not None:
                true_age = now_s - self._looked_s  # at most
                if -ahead - true_age > self._tolerance_s:
                    behind[instance] = (round(ahead + true_age, 3), _LOOKS)
        self._last, self._behind, self._looked_s = beats, behind, now_s
        return found | {instance: skew for instance, (skew, _) in behind.items()}
