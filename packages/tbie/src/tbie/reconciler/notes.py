"""Between deciding and the ledger: only what has changed is written, after the work, and a ledger that is away stops nobody.

A standing backlog is decided about in every sweep and always in the same way; those repetitions are counted here and
written now and then. Callers: ``emit`` notes, ``loop`` writes at the end of a pass: an intent must not wait for its account.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable

from tbie.core.clock import Clock, SystemClock
from tbie.core.errors import LedgerUnavailableError
from tbie.core.keys import ItemKey
from tbie.reconciler.ledger import Ledger, Noted

_FLUSH_S = 300.0  # repetitions are written this seldom: they only prolong what is there already
_RETRY_S = 2.0  # how long a ledger that was away is left alone
_RETRY_SHARE = 10.0  # and as many times longer than it took to learn that: of a pass, a ledger that hangs gets a tenth
_GATHER_S = (
    0.1  # while work goes on, decisions are gathered for this long: one transaction for many is a fifth of the cost
)
_GATHER_ROWS = 500  # or until there are this many
_UNWRITTEN = 10_000  # decisions kept for a ledger that is away; the oldest go first


class Notes:
    """Decisions on their way to a ledger; without one, nothing is kept."""

    def __init__(self, ledger: Ledger | None = None, clock: Clock | None = None, bound: int = 50_000) -> None:
        self._ledger, self._clock, self._bound = ledger, clock or SystemClock(), bound
        self._last: OrderedDict[tuple[ItemKey, str], Noted] = OrderedDict()
        self._unwritten: deque[Noted] = deque(maxlen=_UNWRITTEN)
        self._flush_at_s = self._clock.monotonic_s() + _FLUSH_S
        self._retry_at_s = self._write_at_s = self._clock.monotonic_s()
        self.trouble: str | None = None
        """Why decisions cannot be written now; None if they can."""

    def note(self, decisions: Iterable[Noted]) -> None:
        """Take *decisions*; those that differ from the last one about their stage are to be written."""
        if self._ledger is None:
            return
        for noted in decisions:
            name = (noted.key, noted.stage)
            last = self._last.pop(name, None)
            if last is not None and last[2:5] == noted[2:5]:
                self._last[name] = last._replace(at_ms=noted.at_ms, times=last.times + 1)
                continue
            if last is not None and last.times:
                self._unwritten.append(last)
            self._unwritten.append(noted)
            self._last[name] = noted._replace(times=0)
        while len(self._last) > self._bound:
            _, oldest = self._last.popitem(last=False)
            if oldest.times:
                self._unwritten.append(oldest)
        if len(self._unwritten) >= _GATHER_ROWS:  # a pass may decide about more than are kept
            self.write()
        if self._clock.monotonic_s() >= self._flush_at_s:  # after what is new, which they must not push out
            self.write()
            self._queue_repetitions()
            self.write()

    def write(self, busy: bool = False) -> None:
        """Write what is waiting, unless the ledger was away a moment ago; while *busy*, only when it is worth it."""
        now_s = self._clock.monotonic_s()
        if self._ledger is None or not self._unwritten or now_s < self._retry_at_s:
            return
        if busy and now_s < self._write_at_s and len(self._unwritten) < _GATHER_ROWS:
            return
        self._write_at_s = now_s + _GATHER_S
        try:
            self._ledger.note(list(self._unwritten))
        except LedgerUnavailableError as error:
            self.trouble = str(error)
            end_s = self._clock.monotonic_s()
            self._retry_at_s = end_s + max(_RETRY_S, _RETRY_SHARE * (end_s - now_s))
            return
        except Exception as error:  # noqa: BLE001 - an account of the work must not end the work; what breaks it goes
            self.trouble = f"{len(self._unwritten)} decisions cannot be noted: {type(error).__name__}: {error}"
        else:
            self.trouble = None
        self._unwritten.clear()

    def close(self) -> None:
        """Write everything, repetitions too."""
        self._retry_at_s = self._clock.monotonic_s()
        self.write()
        self._queue_repetitions()
        self.write()

    def _queue_repetitions(self) -> None:
        self._flush_at_s = self._clock.monotonic_s() + _FLUSH_S
        room = _UNWRITTEN - len(self._unwritten)
        for name, last in self._last.items():
            if last.times and room > 0:
                room -= 1
                self._unwritten.append(last)
                self._last[name] = last._replace(times=0)
