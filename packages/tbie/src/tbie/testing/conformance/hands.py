"""Short hands for the queue's tests: claim, settle, look."""

from __future__ import annotations

from collections.abc import Sequence

from tbie.core.keys import ItemKey
from tbie.core.reading import Depth, Known
from tbie.intent import Claim, Disposal, IntentQueue, Message, Presence

LEASE_S = 60.0
LEASE_MS = 60_000


def claim(
    queue: IntentQueue, limit: int = 10, stage: str = "a", owner: str = "w1", max_receives: int = 3
) -> list[Message]:
    """Take up to *limit* messages."""
    return list(queue.exchange((), (Claim(stage, owner, limit, LEASE_S, max_receives),)))


def take(queue: IntentQueue, owner: str = "w1", stage: str = "a") -> Message:
    """Take the one message there is."""
    (message,) = claim(queue, 1, stage, owner)
    return message


def dispose(queue: IntentQueue, *disposals: Disposal) -> None:
    """Settle without claiming anything."""
    assert queue.exchange(disposals, ()) == []


def names(messages: Sequence[Message]) -> list[str]:
    """The items that the messages are about, as ``tenant/item``."""
    return ["/".join(message.envelope.key) for message in messages]


def depth(queue: IntentQueue, stage: str = "a") -> Depth:
    """The depth, which must be readable."""
    reading = queue.depth(stage)
    assert isinstance(reading, Known), reading
    return reading.value


def present(queue: IntentQueue, *keys: ItemKey, stage: str = "a") -> dict[ItemKey, Presence]:
    """What the queue holds for *keys*, which must be readable."""
    reading = queue.presence(stage, keys)
    assert isinstance(reading, Known), reading
    return dict(reading.value)
