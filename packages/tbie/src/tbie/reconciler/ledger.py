"""The ledger: what the reconciler decided about each open stage, "nothing, because …" included. Bounded, and derived.

It answers "why does this not move?" and links stream record, message, attempt and row: the token of an intent is the
identity of the decision that sent it. Losing the ledger loses an account of decisions, never work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from tbie.core.keys import ItemKey
from tbie.core.outcome import Facts

SENDING = ("emit", "supersede", "wake")
"""Actions after which an intent was on its way to the queue."""


class Noted(NamedTuple):
    """One decision about one open stage, as the reconciler took it."""

    key: ItemKey
    stage: str
    token: str
    """Of the row when it was decided; after an emission, of the intent that was sent."""
    action: str
    reason: str
    evidence: Facts
    at_ms: int
    times: int = 1
    """How many times it was decided the same way in a row, up to *at_ms*."""


class LedgerEntry(NamedTuple):
    """One decision as it stands in the ledger."""

    key: ItemKey
    stage: str
    token: str
    action: str
    reason: str
    evidence: Facts
    first_ms: int
    last_ms: int
    times: int


class Ledger(Protocol):
    """Where decisions are kept. Every method raises ``LedgerUnavailableError`` when it cannot be read or written."""

    def note(self, decisions: Sequence[Noted]) -> None:
        """Keep decisions: one that equals the newest entry of its stage (token, action, reason) prolongs that entry.

        When more than the bound are kept, the oldest go.
        """
        ...

    def of(self, key: ItemKey) -> list[LedgerEntry]:
        """Every decision that is kept about one item, oldest first."""
        ...

    def recent(self, limit: int = 100) -> list[LedgerEntry]:
        """The newest decisions about anything, newest first."""
        ...

    def counts(self, since_ms: int = 0) -> Mapping[tuple[str, str], int]:
        """How often each (action, reason) was decided, in entries that were last true at *since_ms* or later."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
