"""A queue as a worker on an instance sees it: nothing is taken out of turn, and nothing is begun without protection.

It stands between ``Worker`` and the queue, so neither has to know of instances. What was received and may not be begun goes back
at once, uncounted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from tbie.core.errors import IntentUnavailableError
from tbie.core.keys import ItemKey
from tbie.core.reading import Depth, Reading
from tbie.intent import Claim, DeadLetter, Disposal, Envelope, IntentQueue, Message, Presence, Release


class Gate(Protocol):
    """Whoever knows whether work may be taken now."""

    def may_ask(self) -> bool:
        """Whether to look for work. From a True on, until ``took``, something may come into hand."""
        ...

    def settled(self) -> None:
        """Something is settled without asking for more: perhaps all that was in hand."""
        ...

    def took(self, messages: int) -> bool:
        """So many messages came; False: they may not be begun."""
        ...


class GuardedIntent:
    """An ``IntentQueue`` behind a gate."""

    def __init__(self, inner: IntentQueue, gate: Gate) -> None:
        self._inner, self._gate = inner, gate

    def exchange(self, disposals: Sequence[Disposal], claims: Sequence[Claim]) -> list[Message]:
        if not claims:
            self._gate.settled()
            return self._inner.exchange(disposals, ())
        if not self._gate.may_ask():
            return self._inner.exchange(disposals, ()) if disposals else []
        messages: list[Message] = []
        allowed = False
        try:
            messages = self._inner.exchange(disposals, claims)
        finally:
            allowed = self._gate.took(len(messages))
        if messages and not allowed:
            with suppress(IntentUnavailableError):  # their lease ends by itself
                self._inner.exchange([Release(message) for message in messages], ())
            return []
        return messages

    def send(self, envelopes: Sequence[Envelope]) -> int:
        return self._inner.send(envelopes)

    def extend(self, messages: Sequence[Message], lease_s: float) -> int:
        return self._inner.extend(messages, lease_s)

    def release_owner(self, owner: str, except_tokens: tuple[str, ...] = ()) -> list[Message]:
        return self._inner.release_owner(owner, except_tokens)

    def presence(self, stage: str, keys: Sequence[ItemKey]) -> Reading[Mapping[ItemKey, Presence]]:
        return self._inner.presence(stage, keys)

    def depth(self, stage: str) -> Reading[Depth]:
        return self._inner.depth(stage)

    def dead_letters(self, stage: str, limit: int = 100) -> list[DeadLetter]:
        return self._inner.dead_letters(stage, limit)

    def expire(self) -> int:
        return self._inner.expire()

    def purge(self, stage: str | None = None) -> int:
        return self._inner.purge(stage)

    def close(self) -> None:
        self._inner.close()
