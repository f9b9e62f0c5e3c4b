"""What every part of the reconciler works with, and the one way in which it changes Truth: under the leader's fence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tbie.core.clock import Clock
from tbie.core.keys import Address
from tbie.core.settings import Settings
from tbie.intent import IntentQueue
from tbie.reconciler.notes import Notes
from tbie.truth import Command, Document, Result, StageState, TruthStore
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
    pushed: bool = False
    """Nobody here reads the change stream, so nobody knows whether anything changed: ``recount`` says when to count again."""
    _tally: tuple[int, Mapping[tuple[str, str, StageState], int]] | None = None

    def tally(self) -> Mapping[tuple[str, str, StageState], int]:
        """What ``TruthStore.tally`` says of everything; counted again only after a change.

        It costs tenants × stages, and an idle engine asks several times a second.
        """
        seq = (
            0 if self.pushed else self.truth.last_seq()
        )  # before counting: a change in between is counted, and counted again
        if self._tally is None or self._tally[0] != seq:
            self._tally = (seq, self.truth.tally())
        return self._tally[1]

    def recount(self) -> None:
        """What was counted before holds no longer."""
        self._tally = None

    def commit(self, commands: Sequence[Command]) -> list[Result]:
        """Apply *commands* to Truth.

        Raises:
            FencedError: somebody else leads now.
        """
        if self.fence is None:
            return self.truth.commit(commands)
        return self.truth.commit(commands, self.fence)
