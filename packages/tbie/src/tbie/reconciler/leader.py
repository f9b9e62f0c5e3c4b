"""Who leads when several reconcilers run: one document of Truth, renewed by compare-and-set, under whose revision all
commits of the leader go.

A deposed leader that wakes up commits nothing: its revision is gone. Whether a leader lives is judged by watching its
document change, on the own monotonic clock: no difference between two clocks deposes anybody.
"""

from __future__ import annotations

from enum import StrEnum

from tbie.core.clock import Clock
from tbie.core.settings import Settings
from tbie.truth import Document, TruthStore

TERM = "term"
"""The kind of the document."""
NAME = "reconciler"


class Role(StrEnum):
    """What a reconciler is."""

    LEADER = "leader"
    STANDBY = "standby"  # watches, emits nothing, sets no fleet
    OPERATOR = "operator"  # a person's single pass: compare-and-set alone makes it safe beside a leader


class Leadership:
    """One contender.

    Args:
        holder: its name, for people.
        sole: something else (the lock of a home) makes sure that whoever is in office is dead: take over at once.
    """

    def __init__(self, truth: TruthStore, clock: Clock, settings: Settings, holder: str, sole: bool = False) -> None:
        self._truth, self._clock, self._lease_s, self._holder = truth, clock, settings.leader_lease_s, holder
        self._sole = sole
        self._seen: tuple[int, float] | None = None
        self._renew_at_s = 0.0
        self.term: Document | None = None
        """Ours, None while we stand by."""

    def hold(self) -> Document | None:
        """Lead if we may, renew when it is time; returns our term, None if somebody else leads.

        Raises:
            TruthUnavailableError: nobody can say.
        """
        if self.term is not None and self._clock.monotonic_s() < self._renew_at_s:
            return self.term
        if self.term is not None:
            self._take(self.term.revision)
        return self.term or self._stand()

    def _stand(self) -> Document | None:
        """Look who leads; take over from nobody, from the dead, and from who has not renewed for a whole lease."""
        found = next((d for d in self._truth.documents(TERM) if d.name == NAME), None)
        now_s = self._clock.monotonic_s()
        if found is None:
            self._take(None)
        elif self._sole:
            self._take(found.revision)
        elif self._seen is None or self._seen[0] != found.revision:
            self._seen = (found.revision, now_s)
        elif now_s - self._seen[1] >= self._lease_s:
            self._take(found.revision)
        return self.term

    def _take(self, revision: int | None) -> None:
        now_s = self._clock.monotonic_s()
        until = self._clock.now_ms() + int(1000 * self._lease_s)
        self.term = self._truth.write_document(TERM, NAME, {"holder": self._holder, "until_ms": until}, revision)
        self._renew_at_s = now_s + self._lease_s / 3
        if self.term is not None:
            self._sole, self._seen = False, None  # who deposes us later is alive, whatever a lock said

    def depose(self) -> None:
        """A commit was fenced off: somebody else leads."""
        self.term = self._seen = None
        self._sole = False

    def resign(self) -> None:
        """Leave, so that the successor starts at once."""
        if self.term is not None:
            self._truth.drop_document(self.term)
            self.term = None
