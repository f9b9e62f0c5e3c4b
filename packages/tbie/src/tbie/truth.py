"""Truth: the durable record of what exists, what has been computed, and under which version.

Values and the protocol that every backend keeps. The rules of change are in ``lifecycle`` (pure); a backend reads an
item, asks ``lifecycle.apply`` for the change inside its transaction, and stores it with one history entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from tbie.core.cause import Cause
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Facts, Outcome


class StageState(StrEnum):
    """Where one stage of one item stands."""

    WAITING = "waiting"  # a need is not met yet, or a barrier is closed
    PENDING = "pending"  # open: somebody has to work on it
    COMPLETED = "completed"
    FAILED = "failed"  # terminal, with a reason; a replay may open it again
    SKIPPED = "skipped"  # not eligible, with a reason

    @property
    def final(self) -> bool:
        """Whether nothing will happen to it by itself."""
        return self in _FINAL


QUARANTINED = ("worker_died", "timed_out")
"""Reasons of stages that took their worker with them. Another attempt is a person's decision, never the reconciler's."""

_FINAL = (StageState.COMPLETED, StageState.FAILED, StageState.SKIPPED)  # no set: a member's hash is computed in Python


class StageRecord(NamedTuple):
    """One row of Truth. Times are epoch milliseconds; a stage that was never touched has no record and is waiting."""

    stage: str
    state: StageState
    version: str
    generation: int
    token: str
    attempts: int
    since_ms: int
    """When it entered this state."""
    updated_ms: int
    not_before_ms: int = 0
    reason: str | None = None
    retriable: bool = False
    evidence: Facts | None = None
    facts: Facts | None = None
    resets: int = 0
    """Automatic resets since a person, or a result, last began this stage anew: what the reset budget is spent on."""


@dataclass(frozen=True, slots=True)
class Item:
    """One subject of work with all its stages."""

    key: ItemKey
    address: Address
    attributes: Facts
    created_ms: int
    stages: Mapping[str, StageRecord]

    @property
    def settled(self) -> bool:
        """Whether nothing of it is open or could open by itself."""
        return all(r.state.final for r in self.stages.values())


class NewItem(NamedTuple):
    """An item to add. Attributes are what the adder knows (path, size); facts come from stages."""

    key: ItemKey
    address: Address
    attributes: Facts


class OpenStage(NamedTuple):
    """A pending stage as the reconciler sees it: enough to decide and to build an intent, nothing more."""

    key: ItemKey
    stage: str
    version: str
    generation: int
    token: str
    since_ms: int
    not_before_ms: int
    attempts: int
    address: Address
    reason: str | None = None
    """Why its last attempt was put off, None if there was none: its failure class, with tenant and stage."""


FactPath = tuple[str | int, ...]
"""A place in the facts of an item: a stage, then names of members and numbers of entries that lead to it."""


class FailedStage(NamedTuple):
    """A failed stage that may be reset without anybody asking: enough to decide whether it should be."""

    key: ItemKey
    stage: str
    token: str
    reason: str
    resets: int
    updated_ms: int


class HistoryEntry(NamedTuple):
    """One change of one item. ``before`` and ``after`` map each touched stage to its record as plain data."""

    seq: int
    """Grows from change to change of one item; that of different items compares with ``TruthStore.mark``."""
    key: ItemKey
    at_ms: int
    cause: Cause
    before: Mapping[str, object]
    after: Mapping[str, object]


class Story(NamedTuple):
    """An item with every change that made it, oldest first: what moves from one store to another."""

    item: Item
    entries: tuple[HistoryEntry, ...]


# -- Commands: what may be asked of Truth. Each is applied by compare-and-set in ``lifecycle``. ------------------------


class Step(NamedTuple):
    """A stage that the same worker ran right after the one it held an intent for."""

    stage: str
    version: str
    outcome: Outcome
    given: tuple[tuple[str, int], ...] = ()
    """Stages whose stored facts it was run on, each with its generation then: if one has begun anew since, this is void."""


class Settle(NamedTuple):
    """A worker's result. Holds only if token and generation are still the live ones."""

    key: ItemKey
    stage: str
    generation: int
    token: str
    version: str
    """The version that ran, not the one deployed when it finished."""
    outcome: Outcome
    cause: Cause
    then: tuple[Step, ...] = ()
    receives: int = 1
    last_receive: bool = False
    """No further receive is allowed: a ``Retry`` becomes a retriable failure."""


class Reset(NamedTuple):
    """A replay: clear this stage and everything downstream, generation + 1, open again."""

    key: ItemKey
    stage: str
    cause: Cause
    only_states: tuple[StageState, ...] = ()
    """If given, only where the stage is in one of these states."""
    automatic: bool = False
    """The reconciler's own doing: counts against the reset budget. Anybody else's reset makes that budget whole again."""
    only_before_ms: int | None = None
    """If given, only where the stage entered its state before this: a campaign that is resumed resets nothing twice."""
    token: str | None = None
    """If given, only while the stage has this token: a decision about a row that has changed since is void."""


class Rotate(NamedTuple):
    """Give an open stage a fresh token because its intent is gone, or void. Holds only if the token is still *token*."""

    key: ItemKey
    stage: str
    token: str
    version: str
    cause: Cause
    at_once: bool = False
    """Forget why and until when the row was put off: what was in the way is gone."""


class Exhaust(NamedTuple):
    """Fail an open stage whose intent used up its receives, or can never be built. Holds only for *token*."""

    key: ItemKey
    stage: str
    token: str
    reason: str
    retriable: bool
    evidence: Facts
    cause: Cause


class Advance(NamedTuple):
    """Open whatever is ready: after a barrier lifted (*barriers* names those stages) or the workflow gained stages."""

    key: ItemKey
    cause: Cause
    barriers: tuple[str, ...] = ()


class Update(NamedTuple):
    """Replace an item's address and attributes and replay it from its roots: its source has changed."""

    key: ItemKey
    address: Address
    attributes: Facts
    cause: Cause
    only_at: Address | None = None
    """If given, only while the item is at this address: a decision about a source that has been replaced since is void."""


Command = Settle | Reset | Rotate | Exhaust | Advance | Update


class Committed(NamedTuple):
    """The command changed Truth: the touched records as they are now."""

    records: tuple[StageRecord, ...]


class Refused(NamedTuple):
    """The command no longer applies; nothing changed. ``reason``: superseded, no_such_item, no_such_stage, nothing_to_do."""

    reason: str


Result = Committed | Refused


class Document(NamedTuple):
    """A small named record beside the items: a leader's term, a pause, a campaign. Written by compare-and-set."""

    kind: str
    name: str
    revision: int
    """Grows with each write, never repeats, also after the document was dropped: a fencing token."""
    body: Facts
    updated_ms: int


FORGET_AFTER_MS = 3_600_000
"""An instance unheard for this long is history: every worker process is a new instance."""


class Heartbeat(NamedTuple):
    """What one component last said of itself."""

    component: str
    instance: str
    at_ms: int
    body: Mapping[str, object]


class TruthStore(Protocol):
    """The durable record. Every method raises ``TruthUnavailableError`` when it cannot be read or written."""

    # items
    def add(self, items: Sequence[NewItem], cause: Cause) -> list[bool]:
        """Add items in one transaction; False where the key exists already (that item is left alone)."""
        ...

    def commit(self, commands: Sequence[Command], fence: Document | None = None) -> list[Result]:
        """Apply commands in order in one durable transaction, each on its own: one refused leaves the others alone.

        With *fence*, only while that document is at that revision: what a deposed leader still wants is not done.

        Raises:
            FencedError: the document has changed. Nothing was committed.
        """
        ...

    def restore(self, stories: Sequence[Story]) -> list[bool]:
        """Write items of another store with their history as it was; False where the key exists (that item is left alone).

        Each is written whole or not at all; an error may leave some of them written. Rows, times, tokens and causes stay as
        they are; the numbers of changes are this store's own. What is open among them is in the change stream. That the
        history gives the row is for the caller to have checked (``tbie.moving`` does).
        """
        ...

    def get(self, keys: Sequence[ItemKey]) -> list[Item | None]:
        """Items with all their records and facts, in the order of *keys*."""
        ...

    def items(self, tenant: str | None = None, after: ItemKey | None = None, limit: int = 500) -> list[Item]:
        """A page of items in the order of their keys."""
        ...

    def project(
        self,
        paths: Sequence[FactPath],
        tenant: str | None = None,
        after: ItemKey | None = None,
        limit: int = 500,
    ) -> list[tuple[ItemKey, list[Any]]]:
        """Of a page of items, what the facts of completed stages hold at *paths*, None where nothing is.

        Items come in an order of the store's own, which never changes; *after* is the last of the page before. What is not
        asked for is not built: to look at a few values of a million items.
        """
        ...

    # the change stream
    def opened_since(self, seq: int, limit: int) -> tuple[list[OpenStage], int]:
        """Stages open now among the changes after *seq*, and the sequence number read up to."""
        ...

    def history(self, key: ItemKey) -> list[HistoryEntry]:
        """Every change of one item, oldest first."""
        ...

    def last_seq(self) -> int:
        """The sequence number of the newest change; 0 if there is none."""
        ...

    def mark(self) -> int:
        """A number that the history entries of all changes so far do not exceed, and those of all later ones do.

        A store whose writers share nothing but their clocks goes by these, and takes the changes of one millisecond for later.
        """
        ...

    def cursor(self, name: str) -> int:
        """How far consumer *name* has read; 0 at first."""
        ...

    def save_cursor(self, name: str, seq: int) -> None:
        """Remember how far consumer *name* has read."""
        ...

    # open work
    def open_stages(self, stage: str, after: OpenStage | None, limit: int) -> list[OpenStage]:
        """The page of pending rows of *stage* that follows *after*, oldest first. Costs what is open, not what exists."""
        ...

    def at_barrier(self, stage: str, limit: int, after: tuple[ItemKey, int] | None = None) -> list[tuple[ItemKey, int]]:
        """The page after *after* of items that wait for the barrier of *stage* only, with the time they began to wait.

        Oldest first.
        """
        ...

    def failed_stages(
        self, stage: str, budget: int, before_ms: int, limit: int, after: FailedStage | None = None
    ) -> list[FailedStage]:
        """The page after *after* of failed, retriable rows of *stage* with fewer than *budget* resets that have not
        changed since *before_ms*, by (resets, age). Rows that were quarantined (``QUARANTINED``) are not among them."""
        ...

    def versions(self, tenant: str | None = None) -> Mapping[tuple[str, str, str], int]:
        """How many completed records there are by (tenant, stage, version); of one tenant, or of all. None is zero.

        Costs tenants × stages × versions."""
        ...

    def tally(self, tenant: str | None = None) -> Mapping[tuple[str, str, StageState], int]:
        """How many records there are by (tenant, stage, state); of one tenant, or of all. Costs tenants × stages."""
        ...

    def oldest_open_ms(self, stage: str) -> int | None:
        """When the oldest pending row of *stage* became pending; None if none is."""
        ...

    # registry
    def tenants(self) -> list[str]:
        """Every tenant that ever added an item: rows, not configuration."""
        ...

    def beat(self, heartbeat: Heartbeat) -> None:
        """Replace the heartbeat of (component, instance). Instances unheard for an hour are forgotten."""
        ...

    def heartbeats(self) -> list[Heartbeat]:
        """The last heartbeat of every component instance."""
        ...

    def documents(self, kind: str) -> list[Document]:
        """Every document of that kind, by name."""
        ...

    def write_document(self, kind: str, name: str, body: Facts, revision: int | None) -> Document | None:
        """Write a document if it is at *revision* (None: if there is none yet); returns what it is now, or None.

        None means that somebody else wrote first: read it again. Durable when it returns.
        """
        ...

    def drop_document(self, document: Document) -> bool:
        """Delete *document* if it still is at its revision; whether that was so."""
        ...

    def read_meta(self, name: str) -> str | None:
        """A named setting of this store (the declared manifest, say)."""
        ...

    def write_meta(self, name: str, value: str) -> None:
        """Set a named setting."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
