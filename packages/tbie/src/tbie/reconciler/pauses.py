"""The circuit breaker of one failure class, as pure functions: when it trips, when it probes, what a probe has shown.

    running ──enough put off, more than completed──▶ paused until t ──t has come, a probe is sent──▶ probing
    probing ──the probe is put off again──▶ paused, interval doubled      probing ──it got through──▶ healed
    probing ──the probe is gone──▶ paused until now                       healed ──every row is awake──▶ running

Nothing here reads or writes; the shell is ``pausing``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from enum import StrEnum

from tbie.core.keys import ItemKey
from tbie.core.settings import Settings
from tbie.pause import FailureClass, Pause
from tbie.truth import QUARANTINED, OpenStage, StageRecord, StageState

_CLASSES = 1_000  # failure classes counted at once; the one unheard for longest goes first
_ITEMS = 10_000  # items counted for one class: far above any threshold


class Answer(StrEnum):
    """What a probe has shown so far."""

    WAITING = "waiting"  # nobody has tried it yet
    FAILED = "failed"  # put off, or failed, for the same reason
    THROUGH = "through"  # completed, or stopped by something else: the reason of this class no longer holds
    GONE = "gone"  # replayed, sent anew, or dead: it shows nothing, another one is needed


def interval_ms(trips: int, settings: Settings) -> int:
    """How long the pause after *trips* failed probes is."""
    return int(1000 * min(settings.pause_max_s, settings.pause_base_s * 2 ** min(trips, 40)))


def trips(put_off: int, completed: int, settings: Settings) -> bool:
    """Whether a class is to be paused: many distinct items, and more than got through meanwhile."""
    return put_off >= settings.pause_failure_count and put_off > completed


def opened(of: FailureClass, put_off: int, completed: int, now_ms: int, settings: Settings) -> Pause:
    """A pause that begins now."""
    evidence = {"put_off": put_off, "completed": completed, "window_s": settings.pause_window_s}
    return Pause(of, now_ms, now_ms + interval_ms(0, settings), 0, evidence=evidence)


def probing(pause: Pause, token: str, item: str, attempts: int, now_ms: int, settings: Settings) -> Pause:
    """The pause with a probe out. Everybody else goes on waiting for as long again."""
    until = now_ms + interval_ms(pause.trips, settings)
    return pause._replace(probe=token, probe_item=item, probe_attempts=attempts, until_ms=until)


def judge(pause: Pause, record: StageRecord | None) -> Answer:
    """What the row of the probe says."""
    if record is None or record.token != pause.probe:
        return Answer.GONE
    if record.state is StageState.PENDING and record.attempts <= pause.probe_attempts and record.reason is None:
        return Answer.WAITING  # it was sent without a reason; what is put off without being counted has one again
    if record.state is StageState.PENDING and record.reason in QUARANTINED:
        return Answer.WAITING  # its worker died: that says nothing about the class, and the next receive tries again
    if record.state in (StageState.WAITING, StageState.SKIPPED):
        return Answer.GONE
    if record.state is not StageState.COMPLETED and record.reason == pause.of.reason:
        return Answer.FAILED
    died = record.state is StageState.FAILED and record.reason in QUARANTINED
    return Answer.GONE if died else Answer.THROUGH


def answered(pause: Pause, answer: Answer, now_ms: int, settings: Settings) -> Pause:
    """The pause after *answer*; the same one if nothing changes."""
    none = pause._replace(probe="", probe_item="", probe_attempts=0)
    match answer:
        case Answer.WAITING if now_ms < pause.until_ms:
            return pause
        case Answer.WAITING:  # no worker yet: whoever comes back meanwhile has to be put off to some later time
            return pause._replace(until_ms=now_ms + interval_ms(pause.trips, settings))
        case Answer.FAILED:
            return none._replace(trips=pause.trips + 1, until_ms=now_ms + interval_ms(pause.trips + 1, settings))
        case Answer.GONE:
            return none._replace(until_ms=now_ms)
        case Answer.THROUGH:
            return none._replace(healed=True, until_ms=now_ms)


class Window:
    """Counts distinct items that were put off lately, by failure class. Bounded; handed the time."""

    def __init__(self, settings: Settings) -> None:
        self._window_ms = int(1000 * settings.pause_window_s)
        self._classes: OrderedDict[FailureClass, dict[ItemKey, tuple[tuple[int, int], int]]] = OrderedDict()
        self._completed: dict[FailureClass, tuple[tuple[int, int], tuple[int, int]]] = {}

    def saw(self, row: OpenStage, now_ms: int) -> FailureClass | None:
        """Count *row* if it was put off; returns its class.

        Items that take their workers with them are no class: each probe would begin their receives anew, and no number of
        deaths would ever quarantine them.
        """
        if row.reason is None or row.reason in QUARANTINED:
            return None
        of = FailureClass(row.key.tenant, row.stage, row.reason)
        items = self._classes.pop(of, {})
        known, told = items.get(row.key), (row.attempts, row.not_before_ms)
        if known is None or told > known[0]:  # put off once more, and not the same row seen again
            items.pop(row.key, None)  # to the end: the order is that of time
            items[row.key] = (told, now_ms)
        if len(items) > _ITEMS:
            del items[next(iter(items))]
        self._classes[of] = items
        if len(self._classes) > _CLASSES:
            self.forget(next(iter(self._classes)))
        return of

    def put_off(self, now_ms: int) -> Mapping[FailureClass, int]:
        """How many distinct items of each class were put off within the window."""
        for of, items in list(self._classes.items()):
            while items and next(iter(items.values()))[1] <= now_ms - self._window_ms:
                del items[next(iter(items))]
            if not items:
                self.forget(of)
        return {of: len(items) for of, items in self._classes.items()}

    def is_due(self, of: FailureClass, now_ms: int) -> bool:
        """Whether ``completed`` has to be told how many there are: at first, and once in each window."""
        known = self._completed.get(of)
        return known is None or now_ms - known[1][0] >= self._window_ms

    def completed(self, of: FailureClass, total: int, now_ms: int) -> int:
        """How many were completed meanwhile, given the *total* ever: over one to two windows, rather too many than too few."""
        older, newer = self._completed.setdefault(of, ((now_ms, total), (now_ms, total)))
        if now_ms - newer[0] >= self._window_ms:
            older, newer = newer, (now_ms, total)
            self._completed[of] = (older, newer)
        return max(0, total - older[1])

    def forget(self, of: FailureClass) -> None:
        """Count this class from nothing."""
        self._classes.pop(of, None)
        self._completed.pop(of, None)
