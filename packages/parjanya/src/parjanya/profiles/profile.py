"""What differs between the places in which an instance can live: its stores, its bells, its fleet.

``embedded`` and ``aws`` are the two implementations; ``system`` opens the one that a home declares, and everything above knows
these protocols alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from parjanya.catalog.items import Found, Ingested
from parjanya.catalog.sources import Sources
from tbie.belief import BeliefSource
from tbie.core.reading import Reading
from tbie.core.refusal import Refusing
from tbie.engine import SupervisedFleet
from tbie.execution import Fleet
from tbie.intent import IntentQueue
from tbie.objects import ObjectStore
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.ledger import Ledger
from tbie.truth import TruthStore
from tbie.workflow import Workflow

if TYPE_CHECKING:
    from parjanya.profiles.system import System


ABOUT_FILES = frozenset({"schema", "write_ahead_log"})
"""Guardrails about files of the home that hold an embedded instance."""


class Bell(Protocol):
    """Wakes who listens. A lost ring costs one poll interval and nothing else."""

    def ring(self) -> None:
        """Wake every listener. Never waits, never raises."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class Listener(Protocol):
    """Hears one bell. A context that closes it."""

    def wait(self, timeout_s: float) -> bool:
        """Until somebody rings, or *timeout_s*; returns whether it was rung."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class OwnFleet(SupervisedFleet, Protocol):
    """A fleet that an engine owns, and what a command that waits for it wants to know."""

    @property
    def running(self) -> int:
        """Workers alive now."""
        ...

    @property
    def boot_failures(self) -> int:
        """Consecutive workers that died before they registered, in the pool where that is worst."""
        ...

    @property
    def last_boot_error(self) -> str | None:
        """What the last of them said."""
        ...


class Profile(Protocol):
    """The stores of one instance, opened. Truth is opened apart: what it declares decides by which workflow it is read."""

    @property
    def name(self) -> str:
        """``embedded`` or ``aws``."""
        ...

    @property
    def led_by_lock(self) -> bool:
        """Whether the lock of the home makes sure that no other engine works on this instance."""
        ...

    @property
    def files_are_local(self) -> bool:
        """Whether the path of an image is where it is on this machine; else it is what whoever uploaded it called it."""
        ...

    @property
    def owns_workers(self) -> bool:
        """Whether workers are processes of this machine, and run what it has installed."""
        ...

    def limits(self, workflow: Workflow, workers: int) -> Mapping[str, PoolLimits]:
        """How many workers each pool may have, where an engine was given *workers*."""
        ...

    @property
    def spare_queue(self) -> bool:
        """Whether there is a queue besides those of the stages, in which a message can be tried out."""
        ...

    @property
    def absent(self) -> frozenset[str]:
        """Guardrails about what this profile does not have."""
        ...

    def open_truth(self, workflow: Workflow, *, create: bool) -> TruthStore:
        """The durable record, read by *workflow*; with *create*, begun if there is none.

        Raises:
            TruthUnavailableError, NewerSchemaError: with words for the user.
        """
        ...

    def open_intent(self, workflow: Workflow, refusing: Refusing) -> IntentQueue:
        """The queues of the stages of *workflow*; *refusing* is told of messages in them that nobody here sent."""
        ...

    def open_objects(self) -> ObjectStore:
        """Previews and, where the profile keeps them, uploads."""
        ...

    def open_ledger(self) -> Ledger:
        """What the reconciler decided, and why."""
        ...

    def workers(self, truth: TruthStore) -> dict[str, str]:
        """The workers alive, whoever started them, and what each is doing (``idle`` or ``stage item``)."""
        ...

    def belief(self, workflow: Workflow, intent: IntentQueue, fleet: Fleet | None) -> BeliefSource:
        """Readings of every stage's queue and, where there is a fleet, of every pool."""
        ...

    def open_fleet(self, system: System) -> OwnFleet:
        """The workers of an engine of *system*."""
        ...

    def sources(self, objects: ObjectStore) -> Sources:
        """How a stage comes to the bytes that people gave."""
        ...

    def take_in(
        self, system: System, tenant: str, files: Iterable[Found], who: str, between: Callable[[Ingested], object]
    ) -> Ingested:
        """Make items of *files*, a group at a time; *between* is called after each group.

        What cannot be taken in is told in ``Ingested.problems``.
        """
        ...

    def deployment(self, workflow: Workflow, *, thorough: bool) -> Mapping[str, Reading[object]]:
        """By guardrail of ``tbie.guardrails.cloud``: what differs between what is deployed and what is declared. Empty where
        nothing is deployed. Without *thorough* only what an engine itself may read."""
        ...

    def close(self) -> None:
        """Let go of what the stores share."""
        ...
