"""What every part of the reconciler works with, and the one way in which it changes Truth: under the leader's fence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tbie.core.clock import Clock
from tbie.core.keys import Address
from tbie.core.settings import Settings
from tbie.intent import IntentQueue
from tbie.reconciler.notes import Notes
from tbie.truth import Command, Document, Result, TruthStore
from tbie.workflow import Workflow

Resolve = Callable[[Address], bool]
"""Whether there are bytes at an address; raises ``MisroutedIntentError`` for a bucket it does not know."""


@dataclass(slots=True)
class Desk:
    """The stores of one reconciler, its clock and its notes."""

    workflow: Workflow
    truth: TruthStore
    intent: IntentQueue
    resolve: Resolve
    clock: Clock
    settings: Settings
    notes: Notes = field(default_factory=Notes)
    who: str = "reconciler"
    fence: Document | None = None
    """The term under which this reconciler leads; None if it acts as an operator does, by compare-and-set alone."""

    def commit(self, commands: Sequence[Command]) -> list[Result]:
        """Apply *commands* to Truth.

        Raises:
            FencedError: somebody else leads now.
        """
        if self.fence is None:
            return self.truth.commit(commands)
        return self.truth.commit(commands, self.fence)
