"""Our kernel's stores in one process, for the programs that need no workers: ``rebuild`` and ``sweep``."""

from __future__ import annotations

from pathlib import Path

from systems.tbie_sqlite import GROUP, WORKFLOW, new_item

from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.cause import Cause
from tbie.core.clock import SystemClock
from tbie.core.ids import RandomIds
from tbie.core.settings import Settings
from tbie.reconciler.loop import Reconciler


class Stores:
    """Truth, Intent and a reconciler in one folder."""

    def __init__(self, home: Path) -> None:
        home.mkdir(exist_ok=True)
        self.home, self.clock, self.settings = home, SystemClock(), Settings()
        self.truth = SqliteTruth(home / "truth.db", WORKFLOW, self.clock, RandomIds())
        self.intent = SqliteIntent(home / "intent.db", self.clock, self.settings.retention_s)
        self.reconciler = Reconciler(WORKFLOW, self.truth, self.intent, lambda _: True, self.clock, self.settings)

    def add(self, jobs: range) -> None:
        """Add items through the API, in groups as the product does, and send their intents."""
        cause = Cause("bench", "added")
        for first in range(jobs.start, jobs.stop, GROUP):
            group = range(first, min(first + GROUP, jobs.stop))
            self.truth.add([new_item(job) for job in group], cause)
        while self.reconciler.step().read:
            pass

    def close(self) -> None:
        """Let go of the files."""
        self.truth.close()
        self.intent.close()
