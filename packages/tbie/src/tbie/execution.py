"""Execution: what a handler is given, what it must answer, and the fleet that runs workers.

Callers: ``tbie.worker`` runs handlers, ``tbie.reconciler.fleet`` sets the desired size. Nothing here knows Truth or Intent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Facts, Outcome
from tbie.core.reading import FleetView, Reading


@dataclass(frozen=True, slots=True)
class Work:
    """One stage of one item, with everything a handler may look at.

    ``facts`` holds the facts of the stages this one needs (transitively), by stage name. ``scratch`` lives as long as
    this worker stays on this item: a stage may leave a decoded image there for the next stage, which must work
    without it, because a replay starts anywhere.
    """

    key: ItemKey
    stage: str
    generation: int
    version: str
    address: Address
    attributes: Facts
    facts: Mapping[str, Facts]
    attempt: int = 1
    scratch: MutableMapping[str, object] = field(default_factory=dict)


Handler = Callable[[Work], Outcome]
BatchHandler = Callable[[Sequence[Work]], Sequence[Outcome]]
"""One outcome for each work, in the same order."""


@dataclass(frozen=True, slots=True)
class OneByOne:
    """Runs items one at a time; a stage of this kind may be run ahead after the one before it."""

    run: Handler


@dataclass(frozen=True, slots=True)
class Together:
    """Runs all claimed items in one call: for stages that compare items, or cost almost nothing each."""

    run: BatchHandler


Begin = Callable[[Sequence[int]], None]
"""Called with positions of works just before they are worked on, in one piece or one after the other.

From then until it is answered a work is a suspect: if the process dies, or nothing happens for ``max_run_s`` (no further
beginning, no answer), it is charged a receive. Until something has begun there is a quarter of an hour, and nobody is charged
(but for processes that end like that time after time: then all that they had in hand are). May be called from another thread.
Raises ``ValueError`` for what is no position, or is answered already, and once the flow is over.
"""
Flow = Callable[[Sequence[Work], Begin], Iterator[tuple[int, Outcome]]]
"""(position, outcome) of each work once, in any order, as they come. Closing it stops it.

What it raises is a ``Retry`` for what had begun and was not answered; the rest is given back. If it raises before anything has
begun, or ends, it is a ``Retry`` for all that were not answered. A position twice, or one that is none, counts as raising.
"""


@dataclass(frozen=True, slots=True)
class AsTheyCome:
    """Runs all claimed items as one flow, of which each outcome is committed soon after it came.

    For stages that prepare some items while others are on a device or on their way to a server. What is received again after
    its process died, or after its flow raised, runs alone, so that one item that kills takes nobody with it twice; so does what
    is received for the last time. Its stage must allow two receives or more.
    """

    run: Flow
    worn: Callable[[], str | None] = lambda: None
    """Asked between flows: why this process should make room for a fresh one, None if it need not."""


AnyHandler = OneByOne | Together | AsTheyCome
Handlers = Mapping[str, AnyHandler]


def alone(handler: AnyHandler, work: Work) -> Outcome:
    """What *handler* answers for one work with no other beside it. Raises what the handler raises.

    Raises:
        ValueError: it gave no answer, or more than one.
    """
    match handler:
        case OneByOne():
            return handler.run(work)
        case Together():
            (outcome,) = handler.run([work])
        case AsTheyCome():
            ((_, outcome),) = handler.run([work], lambda _positions: None)
    return outcome


@dataclass(frozen=True, slots=True)
class Drift:
    """How this machine differs from what was declared. A worker that drifted takes no work (incident 6)."""

    differences: Mapping[str, tuple[str | None, str | None]]
    """By component: declared and found; None where it is absent."""


class Suspect(NamedTuple):
    """An item that is being worked on, with the token of its intent: to blame, perhaps, if the process dies now."""

    item: ItemKey
    token: str


class Progress(Protocol):
    """Where a worker notes what it is doing, so that a supervisor can tell when it hangs or dies."""

    def prepare(self, stage: str, suspects: Sequence[Suspect]) -> None:
        """These come next, and nothing has begun with any of them: no limit of time but a very generous one.

        If the process dies now nobody is charged, unless that happens again and again.
        """
        ...

    def begin(self, stage: str, suspects: Sequence[Suspect], max_run_s: float) -> None:
        """From now on these are worked on, and no others; something must happen within *max_run_s*.

        Not everything may be noted where there are many: those named first are.
        """
        ...

    def end(self) -> None:
        """Nothing is being worked on."""
        ...


class Fleet(Protocol):
    """Starts workers and lets them go. Never stops one that holds work."""

    def set_desired(self, pool: str, workers: int) -> None:
        """Ask for *workers* in *pool*. Fewer than are running means: let idle ones leave."""
        ...

    def view(self, pool: str) -> Reading[FleetView]:
        """How many are asked for, alive, and holding work."""
        ...
