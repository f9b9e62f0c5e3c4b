"""The fast path: what just became workable gets its intent, milliseconds after the commit that opened it.

While it lags behind one tenant's flood, an express lane also looks at the newest changes, so that another tenant's first
item does not wait for the flood. The cursor is saved in Truth now and then, not each time: re-reading a stretch of
history sends the same tokens again, which queues recognise, while saving it each time would cost an fsync on the path of
every item.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain, islice, zip_longest

from tbie.reconciler.decide import Unchecked, decide
from tbie.reconciler.desk import Desk
from tbie.reconciler.emit import Emitted, carry_out
from tbie.truth import OpenStage

_UNCHECKED = Unchecked()
_LOOK = 10  # changes looked at for each that may be sent: finished work is among them, and costs nothing to pass over


class Stream:
    """A consumer of the change stream that turns opened stages into intents.

    Args:
        saw: told every open row that was read.
    """

    def __init__(self, desk: Desk, saw: Callable[[Sequence[OpenStage]], None] = lambda _: None) -> None:
        self._desk, self._saw = desk, saw
        self._batch, self._express_items = desk.settings.stream_batch, desk.settings.express_lane_items
        self.resume()

    def resume(self) -> None:
        """Go to the place that was saved last: at the start, and when this reconciler begins to lead."""
        self.seq = self._saved = self._express_seq = self._desk.truth.cursor(self._desk.who)
        self._saved_at_s = self._desk.clock.monotonic_s()
        self.followed_ms = 0
        """Everything that was committed by this time has been read."""

    def pump(self) -> tuple[Emitted, int]:
        """Read one batch of changes and emit for it; returns what was emitted and how many changes were read."""
        began_ms = self._desk.clock.now_ms()
        opened, seq = self._desk.truth.opened_since(self.seq, self._batch)
        read = seq - self.seq
        emitted = self.take(opened)
        self.seq = seq  # only now: a failure above reads the same stretch again
        if read < self._batch:
            self.followed_ms = began_ms
        else:
            emitted.add(self.look_ahead())
        if self._desk.clock.monotonic_s() - self._saved_at_s >= self._desk.settings.heartbeat_interval_s:
            self.save()
        return emitted, read

    def look_ahead(self) -> Emitted:
        """Emit for some of the newest changes ahead of their turn; sending a token twice is harmless."""
        last, span = self._desk.truth.last_seq(), _LOOK * self._express_items
        since = max(self.seq, self._express_seq, last - span)
        if since >= last:
            return Emitted()
        opened, seq = self._desk.truth.opened_since(since, span)
        emitted = self.take(share(opened, self._express_items))
        self._express_seq = seq
        return emitted

    def take(self, opened: Sequence[OpenStage]) -> Emitted:
        """Emit for *opened*, wherever they were read."""
        self._saw(opened)
        now, declared = self._desk.clock.now_ms(), self._desk.workflow.declared
        return carry_out([decide(o, declared(o.stage, o.key.tenant), _UNCHECKED, now, 0) for o in opened], self._desk)

    def save(self) -> None:
        """Remember the position durably."""
        self._saved_at_s = self._desk.clock.monotonic_s()
        if self.seq != self._saved:
            self._desk.truth.save_cursor(self._desk.who, self.seq)
            self._saved = self.seq

    @property
    def lag(self) -> int:
        """Changes not read yet."""
        return self._desk.truth.last_seq() - self.seq


def share(opened: Sequence[OpenStage], limit: int) -> list[OpenStage]:
    """At most *limit* of *opened*, one of each tenant in turn: whoever has few is served whole."""
    by_tenant: defaultdict[str, list[OpenStage]] = defaultdict(list)
    for row in opened:
        by_tenant[row.key.tenant].append(row)
    turns = chain.from_iterable(zip_longest(*by_tenant.values()))
    return list(islice((row for row in turns if row is not None), limit))
