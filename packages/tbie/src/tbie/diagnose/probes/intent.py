"""Readings of the queues: depth, what stands for the open stages, dead letters. Bounded; never raises.

A queue that makes its readers wait before it refuses (a locked file) is asked once: the others then share its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar

from tbie.core.clock import Clock
from tbie.core.keys import ItemKey
from tbie.core.reading import Depth, Reading, Unknown
from tbie.diagnose.probes.attempt import attempt
from tbie.intent import DeadLetter, IntentQueue, Presence
from tbie.truth import OpenStage
from tbie.workflow import Workflow

LETTERS = 50
"""Dead letters of a stage, the newest: each names an item and how its workers ended."""

PATIENCE_S = 1.0
"""A reading that fails after this long is not tried again for the next stage: a diagnosis must not take minutes."""

T = TypeVar("T")


class Asking:
    """Asks one system of queues, and stops asking once it has let us wait for nothing."""

    def __init__(self, intent: IntentQueue, clock: Clock) -> None:
        self._intent, self._clock = intent, clock
        self._refused: Unknown | None = None

    def depths(self, workflow: Workflow) -> Mapping[str, Reading[Depth]]:
        """How many messages each queue has, by condition."""
        return {s.name: self._flat(partial(self._intent.depth, s.name), s.name) for s in workflow.stages}

    def presences(self, rows: Iterable[OpenStage]) -> Mapping[str, Reading[Mapping[ItemKey, Presence]]]:
        """What the queue holds for *rows*."""
        keys: dict[str, list[ItemKey]] = {}
        for row in rows:
            keys.setdefault(row.stage, []).append(row.key)
        return {name: self._flat(partial(self._intent.presence, name, wanted), name) for name, wanted in keys.items()}

    def dead_letters(self, workflow: Workflow) -> Mapping[str, Reading[tuple[DeadLetter, ...]]]:
        """The newest dead letters of every stage."""

        def read(stage: str) -> tuple[DeadLetter, ...]:
            return tuple(self._intent.dead_letters(stage, LETTERS))

        return {s.name: self._ask(partial(read, s.name), s.name) for s in workflow.stages}

    def _flat(self, read: Callable[[], Reading[T]], stage: str) -> Reading[T]:
        outer = self._ask(read, stage)
        return outer if isinstance(outer, Unknown) else self._judge(outer.value)

    def _ask(self, read: Callable[[], T], stage: str) -> Reading[T]:
        if self._refused is not None:
            return self._refused
        self._began_s = self._clock.monotonic_s()
        answer = attempt(f"queue {stage}", self._clock, read)
        return self._judge(answer)

    def _judge(self, answer: Reading[T]) -> Reading[T]:
        if isinstance(answer, Unknown) and self._clock.monotonic_s() - self._began_s >= PATIENCE_S:
            self._refused = answer
        return answer
