"""Readings of the queues: depth, what stands for the open stages, dead letters. Bounded; never raises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from tbie.core.clock import Clock
from tbie.core.keys import ItemKey
from tbie.core.reading import Depth, Reading, Unknown
from tbie.diagnose.probes.attempt import attempt
from tbie.intent import DeadLetter, IntentQueue, Presence
from tbie.truth import OpenStage
from tbie.workflow import Workflow

LETTERS = 50
"""Dead letters of a stage, the newest: each names an item and how its workers ended."""


def depths(intent: IntentQueue, workflow: Workflow, clock: Clock) -> Mapping[str, Reading[Depth]]:
    """How many messages each queue has, by condition."""
    found: dict[str, Reading[Depth]] = {}
    for stage in workflow.stages:
        outer = attempt(f"queue {stage.name}", clock, partial(intent.depth, stage.name))
        found[stage.name] = outer if isinstance(outer, Unknown) else outer.value
    return found


def presences(
    intent: IntentQueue, rows: Iterable[OpenStage], clock: Clock
) -> Mapping[str, Reading[Mapping[ItemKey, Presence]]]:
    """What the queue holds for *rows*."""
    keys: dict[str, list[ItemKey]] = {}
    for row in rows:
        keys.setdefault(row.stage, []).append(row.key)
    found: dict[str, Reading[Mapping[ItemKey, Presence]]] = {}
    for stage, wanted in keys.items():
        outer = attempt(f"queue {stage}", clock, partial(intent.presence, stage, wanted))
        found[stage] = outer if isinstance(outer, Unknown) else outer.value
    return found


def dead_letters(
    intent: IntentQueue, workflow: Workflow, clock: Clock
) -> Mapping[str, Reading[tuple[DeadLetter, ...]]]:
    """The newest dead letters of every stage."""

    def read(stage: str) -> tuple[DeadLetter, ...]:
        return tuple(intent.dead_letters(stage, LETTERS))

    return {s.name: attempt(f"dead letters {s.name}", clock, partial(read, s.name)) for s in workflow.stages}
