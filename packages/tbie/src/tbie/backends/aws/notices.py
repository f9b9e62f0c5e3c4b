"""What is announced to an instance, and how long it has left. Pure but for the clock that it is handed.

A notice says when by AWS's clock, and this machine's clock may be wrong; the time from when it was first seen is counted on the
clock that only moves forward, and never exceeds what AWS promises.
"""

from __future__ import annotations

from tbie.backends.aws.duty import DutySettings
from tbie.backends.aws.metadata import Notice
from tbie.core.clock import Clock
from tbie.core.reading import Reading, Unknown

INTERRUPTION_S = 120.0
"""AWS gives two minutes."""
_TOLERANCE_S = 5.0
_DISRUPTIVE = ("instance-stop", "instance-retirement", "instance-reboot", "system-reboot")


class Announced:
    """Notices by when they take effect."""

    def __init__(self, clock: Clock, settings: DutySettings) -> None:
        self._clock, self._settings = clock, settings
        self._ends_s: dict[Notice, float | None] = {}
        """On the monotonic clock; None: noted, and nothing to do about it."""
        self._unread: str | None = None
        self.clock_off = False
        """A notice told a time that cannot be: this machine's clock is wrong."""

    def hear(self, told: Reading[tuple[Notice, ...]]) -> list[str]:
        """Take in what was read; returns what is new in it, in words. What cannot be read now changes nothing."""
        if isinstance(told, Unknown):
            new = [] if self._unread else [f"notices cannot be read: {told.error}"]
            self._unread = told.error
            return new
        self._unread = None
        fresh = [notice for notice in told.value if notice not in self._ends_s]
        # a rebalance or an event may be withdrawn; an interruption never is, whatever is read later
        kept = {n: end for n, end in self._ends_s.items() if n in told.value or n.kind == "interruption"}
        self._ends_s = kept | {notice: self._end_s(notice) for notice in fresh}
        return [f"{notice.kind} announced: {notice.action}" for notice in fresh]

    def left_s(self) -> float | None:
        """Until the machine goes, if that is announced and near enough to act upon."""
        now_s = self._clock.monotonic_s()
        near = []
        for notice, end_s in self._ends_s.items():
            if end_s is not None and (notice.kind != "event" or end_s - now_s <= self._settings.event_lead_s):
                near.append(end_s - now_s)
        return min(near, default=None)

    def words(self) -> list[str]:
        """What is announced, and whether that can be read, for a heartbeat."""
        told = [f"{notice.kind}: {notice.action}" for notice in self._ends_s]
        return [*told, f"unreadable: {self._unread}"] if self._unread else told

    def _end_s(self, notice: Notice) -> float | None:
        now_s = self._clock.monotonic_s()
        left_s = None if notice.at_ms is None else (notice.at_ms - self._clock.now_ms()) / 1000
        match notice.kind:
            case "interruption":
                if left_s is None or not 0 < left_s <= INTERRUPTION_S + _TOLERANCE_S:
                    self.clock_off = left_s is not None
                    left_s = INTERRUPTION_S - self._settings.look_interval_s  # seen one look late at worst
                return now_s + min(left_s, INTERRUPTION_S)
            case "event" if notice.action in _DISRUPTIVE:
                return now_s + max(0.0, left_s or 0.0)
            case "rebalance" if self._settings.drain_on_rebalance:
                return now_s + self._settings.drain_budget_s
        return None
