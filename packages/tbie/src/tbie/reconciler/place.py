"""Where a sweep stopped when its time was over, kept in Truth: a function that goes on may be another process.

Written and dropped by compare-and-set. Two that go on at once do the same pages twice, which changes nothing; one that cannot
read what is kept begins anew. Caller: ``loop``, where passes are bounded in time.
"""

from __future__ import annotations

from tbie.core.outcome import Facts
from tbie.reconciler.sweep import Sweep
from tbie.truth import Document, TruthStore

PLACE = "sweep"
"""The kind of the document."""
NAME = "place"


class Kept:
    """The place of one sweep, as this process saw it last in Truth."""

    def __init__(self, truth: TruthStore) -> None:
        self._truth = truth
        self._document: Document | None = None

    def take_up(self, sweep: Sweep) -> bool:
        """Let *sweep* go on where somebody stopped; whether there is such a place."""
        self._document = self._read()
        return self._document is not None and sweep.resume(self._document.body)

    def follow(self, sweep: Sweep) -> None:
        """At the end of a pass: keep the place of a sweep that is under way, drop that of one that is finished."""
        if sweep.under_way:
            self._keep(sweep.place())
        elif self._document is not None:
            self._truth.drop_document(self._document)
            self._document = None

    def _keep(self, body: Facts) -> None:
        revision = self._document.revision if self._document is not None else None
        written = self._truth.write_document(PLACE, NAME, body, revision)
        self._document = written if written is not None else self._read()  # somebody else's place is as good as ours

    def _read(self) -> Document | None:
        return next((found for found in self._truth.documents(PLACE) if found.name == NAME), None)
