"""The fast path: what just became workable gets its intent, milliseconds after the commit that opened it.

The cursor is saved in Truth now and then, not each time: re-reading a stretch of history sends the same tokens again,
which queues recognise, while saving it each time would cost an fsync on the path of every item.
"""

from __future__ import annotations

from tbie.core.clock import Clock
from tbie.intent import IntentQueue
from tbie.reconciler.decide import Unchecked, decide
from tbie.reconciler.emit import Emitted, Resolve, carry_out
from tbie.truth import TruthStore
from tbie.workflow import Workflow

_UNCHECKED = Unchecked()


class Stream:
    """A consumer of the change stream that turns opened stages into intents."""

    def __init__(
        self,
        workflow: Workflow,
        truth: TruthStore,
        intent: IntentQueue,
        resolve: Resolve,
        clock: Clock,
        batch: int,
        save_every_s: float,
        who: str = "reconciler",
    ) -> None:
        self._workflow, self._truth, self._intent, self._resolve = workflow, truth, intent, resolve
        self._clock, self._batch, self._save_every_s, self._who = clock, batch, save_every_s, who
        self._seq = self._saved = truth.cursor(who)
        self._saved_at_s = clock.monotonic_s()

    def pump(self) -> tuple[Emitted, int]:
        """Read one batch of changes and emit for it; returns what was emitted and how many changes were read."""
        opened, seq = self._truth.opened_since(self._seq, self._batch)
        read = seq - self._seq
        now = self._clock.now_ms()
        decisions = [decide(o, self._workflow.get(o.stage), _UNCHECKED, now, 0) for o in opened]
        emitted = carry_out(decisions, self._workflow, self._truth, self._intent, self._resolve, self._who)
        self._seq = seq  # only now: a failure above reads the same stretch again
        if self._clock.monotonic_s() - self._saved_at_s >= self._save_every_s:
            self.save()
        return emitted, read

    def save(self) -> None:
        """Remember the position durably."""
        self._saved_at_s = self._clock.monotonic_s()
        if self._seq != self._saved:
            self._truth.save_cursor(self._who, self._seq)
            self._saved = self._seq

    @property
    def lag(self) -> int:
        """Changes not read yet."""
        return self._truth.last_seq() - self._seq
