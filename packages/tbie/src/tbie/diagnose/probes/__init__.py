"""Taking the readings of a diagnosis: the only part of it that does I/O. Never raises, never writes, bounded.

The order matters: open rows first, then the queue, then the rows without intent once more. A row that is still open with
the same token at the end had no intent in between; one that was settled meanwhile is no gap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tbie.belief import BeliefSource
from tbie.core.clock import Clock
from tbie.core.keys import ItemKey
from tbie.core.reading import Known, Reading
from tbie.core.settings import Settings
from tbie.diagnose.heartbeats import leader
from tbie.diagnose.probes import control, execution
from tbie.diagnose.probes import truth as rows_of
from tbie.diagnose.probes.attempt import attempt
from tbie.diagnose.probes.intent import Asking
from tbie.diagnose.readings import (
    NOT_ASKED,
    ExecutionReadings,
    IntentReadings,
    Readings,
    TruthReadings,
)
from tbie.intent import IntentQueue, Presence
from tbie.reconciler.ledger import Ledger
from tbie.truth import OpenStage, TruthStore
from tbie.workflow import Workflow

GAPS = 200
"""Rows without intent that are looked at once more: enough to see what they have in common."""
DIRTY = 50
"""The oldest open rows whose items are looked at for stale facts."""


def take(
    workflow: Workflow,
    truth: TruthStore,
    intent: IntentQueue,
    clock: Clock,
    settings: Settings,
    *,
    ledger: Ledger | None = None,
    belief: BeliefSource | None = None,
    room_bytes: Callable[[], int] | None = None,
    engine_expected: bool = False,
    about: ItemKey | None = None,
) -> Readings:
    """Read everything that a diagnosis needs. Never raises: what cannot be read is ``Unknown``.

    Args:
        ledger: where decisions are kept; without it, what happened to a missing intent is unknown.
        belief: reads fleets directly; without it, the reconciler's heartbeat says how they are.
        room_bytes: free space where Truth is.
        engine_expected: a silent reconciler is a finding even when there is no work.
        about: an item that must be among those that are looked at.
    """
    at_ms, queue = clock.now_ms(), Asking(intent, clock)
    depths = queue.depths(workflow)  # just before the tally: what was opened in between is not too many messages
    tally = attempt(rows_of.SOURCE, clock, truth.tally)
    opened = rows_of.open_rows(truth, workflow, clock)
    opened = rows_of.with_item(truth, opened, about, clock)
    rows = opened.value.rows if isinstance(opened, Known) else ()
    presences = queue.presences(rows)
    without = sorted(_without(rows, presences), key=lambda row: (row.key != about, row.since_ms))[:GAPS]
    keys = [row.key for row in [*without, *sorted(rows, key=lambda row: (row.key != about, row.since_ms))[:DIRTY]]]
    items = rows_of.items(truth, keys, clock)
    dead = queue.dead_letters(workflow)
    letters = [letter for reading in dead.values() if isinstance(reading, Known) for letter in reading.value]
    beats = attempt(rows_of.SOURCE, clock, lambda: tuple(truth.heartbeats()))
    said = leader(beats.value) if isinstance(beats, Known) else None
    return Readings(
        at_ms,
        workflow,
        TruthReadings(
            tally,
            opened,
            items,
            rows_of.failures(truth, workflow, tally, letters, clock),
            attempt(rows_of.SOURCE, clock, truth.versions),
            rows_of.barriers(truth, workflow, clock),
            attempt("disk", clock, room_bytes) if room_bytes is not None else NOT_ASKED,
        ),
        IntentReadings(depths, presences, dead),
        ExecutionReadings(execution.fleets(belief, said, clock)),
        control.control(truth, ledger, clock, settings, beats, without),
        engine_expected,
    )


def _without(
    rows: Sequence[OpenStage], presences: Mapping[str, Reading[Mapping[ItemKey, Presence]]]
) -> list[OpenStage]:
    """Rows for which the queue was read and holds nothing of their token."""
    found = []
    for row in rows:
        reading = presences.get(row.stage)
        if isinstance(reading, Known):
            presence = reading.value.get(row.key)
            if presence is None or presence.token != row.token:
                found.append(row)
    return found
