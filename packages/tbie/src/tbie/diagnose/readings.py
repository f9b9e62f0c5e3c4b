"""What was read for a diagnosis, each part ``Known`` or ``Unknown`` with its source and its time. Values, no I/O.

Callers: the probes build them, the rules read them. They are bounded: a sample says so, and says of how many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tbie.core.keys import ItemKey
from tbie.core.reading import Depth, FleetView, Reading, Unknown
from tbie.intent import DeadLetter, Presence
from tbie.reconciler.ledger import LedgerEntry
from tbie.truth import Document, FailedStage, Heartbeat, Item, OpenStage, StageState
from tbie.workflow import Workflow

Tally = Mapping[tuple[str, str, StageState], int]

NOT_ASKED = Unknown("nobody gave this diagnosis a way to read it", "diagnose", 0)
"""A part that its caller has no source for. Not a fault; and not an answer either."""


RECENT_MS = 300_000
"""What was mended less than five minutes ago is still told: an operator who was alerted comes that late."""


PUT_RIGHT = ("misrouted_intent", "dirty_retry")
"""Reasons that workers give in the history when they put a row right, each of them a finding code."""


class Rows(NamedTuple):
    """The oldest open stages."""

    rows: tuple[OpenStage, ...]
    complete: bool
    """Whether these are all."""


class Failures(NamedTuple):
    """Failed stages: those that may be reset, and items that took their workers with them."""

    retriable: tuple[FailedStage, ...]
    quarantined: tuple[tuple[ItemKey, str, str, Mapping[str, object]], ...]
    """Item, stage, reason and evidence of each."""
    complete: bool
    """Whether every failed row was looked at."""


@dataclass(frozen=True, slots=True)
class TruthReadings:
    """Of the durable record."""

    tally: Reading[Tally]
    opened: Reading[Rows]
    items: Reading[Mapping[ItemKey, Item]]
    """Items of open stages, read after the queue was: those without intent, and some of the oldest."""
    failures: Reading[Failures]
    versions: Reading[Mapping[tuple[str, str, str], int]]
    """Completed rows by (tenant, stage, version)."""
    barriers: Reading[Mapping[str, int]] = NOT_ASKED
    """By barrier stage that somebody waits at, since when the one waits who has waited longest."""
    room_bytes: Reading[int] = NOT_ASKED
    """Free space where Truth is."""


@dataclass(frozen=True, slots=True)
class IntentReadings:
    """Of the queues, by stage."""

    depths: Mapping[str, Reading[Depth]]
    presences: Mapping[str, Reading[Mapping[ItemKey, Presence]]]
    """What the queue holds for the open stages that were read; a stage without any was not asked about."""
    dead: Mapping[str, Reading[tuple[DeadLetter, ...]]]


@dataclass(frozen=True, slots=True)
class ExecutionReadings:
    """Of the fleet, by pool: read directly where that is possible, else as the reconciler last told."""

    fleets: Mapping[str, Reading[FleetView]] = field(default_factory=dict)


class Lived(NamedTuple):
    """An intent that was sent and came to its outcome."""

    stage: str
    sent_ms: int
    settled_ms: int


class PutRight(NamedTuple):
    """A row that a worker found to be not as its intent said, and put right before it ran anything."""

    key: ItemKey
    stage: str
    reason: str
    who: str
    at_ms: int


class History(NamedTuple):
    """What the ledger holds: the newest entries, and everything about the items in question."""

    recent: tuple[LedgerEntry, ...]
    """Newest first."""
    of: Mapping[ItemKey, tuple[LedgerEntry, ...]]
    """Oldest first."""
    begins_ms: int
    """The ledger's memory reaches back at least to here."""
    younger_than_work: bool
    """Whether work was settled before that: then the ledger was lost or cut, and its silence proves nothing."""
    lived: tuple[Lived, ...] = ()
    """Some of the intents that were sent before the newest repair and were not lost."""
    put_right: tuple[PutRight, ...] = ()
    """Of the last minutes, oldest first."""


@dataclass(frozen=True, slots=True)
class ControlReadings:
    """Of the control plane."""

    heartbeats: Reading[tuple[Heartbeat, ...]]
    cursor: Reading[int]
    """The saved position in the change stream."""
    last_seq: Reading[int]
    unread: Reading[tuple[OpenStage, ...]]
    """Open stages among the changes after the position, the oldest few."""
    positions: Mapping[tuple[ItemKey, str], int]
    """Where in the stream the last change of an open stage without intent is; of those looked at."""
    history: Reading[History] = NOT_ASKED
    pauses: Reading[tuple[Document, ...]] = NOT_ASKED
    campaigns: Reading[tuple[Document, ...]] = NOT_ASKED
    terms: Reading[tuple[Document, ...]] = NOT_ASKED
    refused: Reading[tuple[Document, ...]] = NOT_ASKED
    """What came from outside and nobody could do anything with; the latest."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Everything that one diagnosis stands on."""

    at_ms: int
    workflow: Workflow
    truth: TruthReadings
    intent: IntentReadings
    execution: ExecutionReadings
    control: ControlReadings
    engine_expected: bool = False
    """Whether a reconciler has to be there even when there is no work."""

    @property
    def unknown(self) -> tuple[Unknown, ...]:
        """What could not be read although somebody tried."""
        parts: list[object] = [
            self.truth.tally,
            self.truth.opened,
            self.truth.items,
            self.truth.failures,
            self.truth.versions,
            self.truth.barriers,
            self.truth.room_bytes,
            *self.intent.depths.values(),
            *self.intent.presences.values(),
            *self.intent.dead.values(),
            *self.execution.fleets.values(),
            self.control.heartbeats,
            self.control.cursor,
            self.control.last_seq,
            self.control.unread,
            self.control.history,
            self.control.pauses,
            self.control.campaigns,
            self.control.terms,
            self.control.refused,
        ]
        return tuple(part for part in parts if isinstance(part, Unknown) and part is not NOT_ASKED)
