"""What the pictures come to when nothing goes wrong: the measure of what an incident lost or changed.

Callers: ``run`` (once for all drills of a call) and the drill of an older deployment. Everything runs in this process, with the
product's own reconciler, worker and handlers, and without a fault.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from parjanya.catalog.discover import Walk, discover
from parjanya.home import Home
from parjanya.imaging.limits import DEFAULT_LIMITS
from parjanya.profiles.running import open_reconciler
from parjanya.profiles.system import System, open_system
from parjanya.workflow import POOL
from tbie.core.clock import Clock
from tbie.core.settings import Settings
from tbie.execution import Handlers
from tbie.truth import StageRecord
from tbie.worker import Worker

Answers = Mapping[str, Mapping[str, str]]
"""By item and stage: how it ended and with which facts, as one comparable text. Paths are the same in every home."""

_MOST_PASSES = 200
"""Each pass works off whole queues: eight pictures need about five."""


def answers(system: System) -> dict[tuple[str, str], dict[str, str]]:
    """What every item of *system* has come to, by (tenant, item)."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    after = None
    while page := system.truth.items(after=after):
        after = page[-1].key
        for item in page:
            found[tuple(item.key)] = {name: _answer(record) for name, record in item.stages.items()}  # type: ignore[index]
    return found


def _answer(record: StageRecord) -> str:
    said = [record.state.value, record.version, record.reason, record.facts]
    return json.dumps(said, sort_keys=True, default=str)


def undisturbed(root: Path, shoot: Sequence[Path], settings: Settings, clock: Clock) -> Answers:
    """The answers to *shoot* of an instance in *root* that nothing happens to."""
    system = open_system(Home(root), settings, clock)
    try:
        system.take_in("default", discover(list(shoot), [], Walk()), "drill")
        work_off(system, system.handlers(DEFAULT_LIMITS))
        return {item: stages for (_, item), stages in answers(system).items()}
    finally:
        system.close()


def work_off(system: System, handlers: Handlers) -> None:
    """Reconcile and work in this process until nothing of *system* is open."""
    reconciler = open_reconciler(system)
    worker = Worker(
        "in-process", POOL, system.workflow, handlers, system.truth, system.intent, system.clock, system.settings
    )
    for _ in range(_MOST_PASSES):
        reconciler.step(force_sweep=True, grace_s=0.0)
        while worker.step().claimed:
            pass
        worker.flush()
        if not any(n for (_, _, state), n in system.truth.tally().items() if not state.final):
            break
    else:
        raise AssertionError("the pictures did not settle although nothing disturbed them")
    reconciler.close()


def instant(settings: Settings) -> Settings:
    """*settings* for a run of one process: no barrier waits for somebody who is still adding."""
    return replace(settings, barrier_patience_s=0.0)
