"""What a user of the kernel writes. ``mypy --strict`` must accept this file; ``test_typing`` runs it.

Also what it must not accept: a ``type: ignore`` that is not needed is an error under ``--strict``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never, assert_type

from tbie.backends.memory.execution import MemoryFleet
from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.objects import MemoryObjects
from tbie.backends.memory.truth import MemoryTruth
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.objects import LocalObjects
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.belief import BeliefSource, Readers
from tbie.core.clock import Clock, ManualClock, SystemClock
from tbie.core.ids import Ids, RandomIds, SequentialIds
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.core.reading import Depth, Known, Reading, Unknown
from tbie.execution import Fleet, Handlers, OneByOne, Together, Work
from tbie.intent import Bury, Defer, Delete, Disposal, Hold, IntentQueue, Release
from tbie.objects import ObjectStore
from tbie.truth import Committed, Refused, Result, TruthStore


def describe(outcome: Outcome) -> str:
    """There are three answers and no fourth."""
    match outcome:
        case Completed(facts=facts):
            return str(facts)
        case Retry(reason=reason) | TerminalFailure(reason=reason):
            return reason
        case _:
            assert_never(outcome)


def settle(disposal: Disposal) -> str:
    """There are five things that can become of a message."""
    match disposal:
        case Delete() | Defer() | Bury() | Release() | Hold():
            return type(disposal).__name__
        case _:
            assert_never(disposal)


def live(reading: Reading[Depth]) -> int | None:
    """The value cannot be had without a look at the error."""
    match reading:
        case Known(value=depth):
            assert_type(depth, Depth)
            return depth.live
        case Unknown(error=error):
            assert_type(error, str)
            return None
        case _:
            assert_never(reading)


def unread(reading: Reading[Depth]) -> int:
    """Unknown is not zero, and the type checker says so."""
    return reading.value.live  # type: ignore[union-attr]


def committed(result: Result) -> bool:
    """Refused is an answer, not an exception."""
    match result:
        case Committed(records=records):
            return bool(records)
        case Refused(reason=reason):
            return not reason
        case _:
            assert_never(result)


def one(work: Work) -> Outcome:
    """A handler."""
    return Completed({"width": len(work.key.item)})


def many(works: Sequence[Work]) -> Sequence[Outcome]:
    """A handler of batches."""
    return [one(work) for work in works]


def wrong(work: Work) -> str:
    """Not a handler."""
    return work.stage


HANDLERS: Handlers = {"read": OneByOne(one), "group": Together(many)}
REFUSED: Handlers = {"read": OneByOne(wrong)}  # type: ignore[arg-type]
SWAPPED = Address(ItemKey("t", "i"), "k")  # type: ignore[arg-type]

CLOCKS: tuple[Clock, ...] = (SystemClock(), ManualClock())
IDS: tuple[Ids, ...] = (RandomIds(), SequentialIds())
TRUTHS: tuple[type[TruthStore], ...] = (MemoryTruth, SqliteTruth)
INTENTS: tuple[type[IntentQueue], ...] = (MemoryIntent, SqliteIntent)
OBJECTS: tuple[type[ObjectStore], ...] = (MemoryObjects, LocalObjects)
FLEETS: tuple[type[Fleet], ...] = (MemoryFleet,)
BELIEFS: tuple[type[BeliefSource], ...] = (Readers,)
