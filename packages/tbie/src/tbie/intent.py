"""Intent: the replayable journal of work that should be attempted. One queue per stage, a dead-letter queue each.

Only the reconciler sends; only a worker's settled outcome deletes. Everything here may be lost at any moment: it is
rebuilt from Truth. Unaware of Truth; the worker and the reconciler bring the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Facts
from tbie.core.reading import Depth, Reading


class Envelope(NamedTuple):
    """What is asked for, completely addressed: nobody has to guess a bucket.

    Built by ``reconciler.emit``, which checks it against Truth and the object store.
    """

    key: ItemKey
    stage: str
    generation: int
    token: str
    version: str
    address: Address
    expected: str
    """The facts that the stage owns, comma-separated: what completing this intent will have written."""
    not_before_ms: int = 0


class Message(NamedTuple):
    """An envelope in the hands of one worker until its lease ends."""

    envelope: Envelope
    receipt: object
    """Names this receive to the backend that made it; a later receive of the same message has another one."""
    receives: int
    sent_ms: int


class Delete(NamedTuple):
    """Truth has the result, or the token is superseded."""

    message: Message


class Defer(NamedTuple):
    """Keep it, hidden until *until_ms*."""

    message: Message
    until_ms: int


class Bury(NamedTuple):
    """Its receives are used up: move it to the dead letters with the evidence."""

    message: Message
    reason: str
    evidence: Facts


class Release(NamedTuple):
    """Give it back untouched: visible at once, and this receive does not count."""

    message: Message


class Hold(NamedTuple):
    """Keep it, hidden until *until_ms*, and do not count this receive: its failure class is paused, it was not tried."""

    message: Message
    until_ms: int


Disposal = Delete | Defer | Bury | Release | Hold


class DeadLetter(NamedTuple):
    """A message that will not be worked on again by itself."""

    envelope: Envelope
    receives: int
    died_ms: int
    reason: str
    evidence: Facts


class Claim(NamedTuple):
    """A wish for work: up to *limit* messages of *stage* for *owner*, hidden from others for *lease_s*."""

    stage: str
    owner: str
    limit: int
    lease_s: float
    max_receives: int
    """A message received this often already is not handed out again but buried (its workers died)."""


class Presence(NamedTuple):
    """What a queue holds for one (item, stage)."""

    token: str
    dead: bool
    receives: int
    evidence: Facts | None = None
    address: Address | None = None
    """Where it sends its worker; must be where Truth says the item is."""
    sent_ms: int = 0


class IntentQueue(Protocol):
    """All queues of one system. Methods that change something raise ``IntentUnavailableError`` when they cannot."""

    def send(self, envelopes: Sequence[Envelope]) -> int:
        """Queue envelopes; an older message of the same (item, stage) is superseded, the same token is not repeated.

        Returns how many messages are new or replaced.
        """
        ...

    def exchange(self, disposals: Sequence[Disposal], claims: Sequence[Claim]) -> list[Message]:
        """Settle messages and claim new ones in one step; the first claim that yields anything is the one served.

        A disposal whose receipt is no longer the live one changes nothing.
        """
        ...

    def extend(self, messages: Sequence[Message], lease_s: float) -> int:
        """Hold on to messages for another *lease_s* from now; returns how many are still ours."""
        ...

    def release_owner(self, owner: str, except_tokens: tuple[str, ...] = ()) -> list[Message]:
        """Make everything that *owner* holds visible at once, uncounted: it died. Returns all it held.

        Messages with *except_tokens* stay as they are: those it was working on, for the caller to settle.
        """
        ...

    def presence(self, stage: str, keys: Sequence[ItemKey]) -> Reading[Mapping[ItemKey, Presence]]:
        """Which of *keys* have a message, live or dead. Unknown if this backend cannot tell."""
        ...

    def depth(self, stage: str) -> Reading[Depth]:
        """How many messages there are, by condition."""
        ...

    def dead_letters(self, stage: str, limit: int = 100) -> list[DeadLetter]:
        """The newest dead letters."""
        ...

    def expire(self) -> int:
        """Drop messages older than the retention; returns how many. Truth re-emits what still matters."""
        ...

    def purge(self, stage: str | None = None) -> int:
        """Delete every message (of one stage). Loses no work: Truth re-emits."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
