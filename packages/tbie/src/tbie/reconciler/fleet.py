"""Autoscaling as a consequence of work existing: how many workers each pool should have now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tbie.belief import Beliefs
from tbie.core.reading import Known
from tbie.core.settings import Settings
from tbie.execution import Fleet
from tbie.reconciler.decide import size_fleet
from tbie.truth import StageState
from tbie.workflow import Workflow


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How far one pool may grow."""

    ceiling: int
    """The most workers: usually one for each core."""
    per_worker: int = 1
    """Open stages that are worth one worker."""


def set_sizes(
    workflow: Workflow,
    tally: Mapping[tuple[str, str, StageState], int],
    beliefs: Beliefs,
    fleet: Fleet,
    limits: Mapping[str, PoolLimits],
    settings: Settings,
) -> dict[str, int]:
    """Ask *fleet* for the size each pool needs; returns what was asked for. *tally* is of every tenant.

    A pool whose queue and fleet are both unreadable is left as it is. What waits for its time (a back-off, a pause) keeps
    nobody: workers that leave idle would be started again every few seconds for nothing, all through an outage.
    """
    open_work: Counter[str] = Counter()
    for (_, stage, state), count in tally.items():
        if state is StageState.PENDING:
            open_work[stage] += count
    asked = {}
    for pool, limit in limits.items():
        stages = workflow.in_pool(pool)
        depths = {s.name: d.value for s in stages if isinstance(d := beliefs.queues.get(s.name), Known)}
        sighted = len(depths) == len(stages)
        put_off = {name: depth.delayed for name, depth in depths.items()} if sighted else {}
        view = beliefs.fleets.get(pool)
        if not sighted and not isinstance(view, Known):
            continue  # neither queue nor fleet can be read: no number is safe, so the fleet stays as it is
        running = view.value.running if isinstance(view, Known) else 0
        asked[pool] = size_fleet(
            sum(max(0, open_work[s.name] - put_off.get(s.name, 0)) for s in stages),
            sum(depth.live - depth.delayed for depth in depths.values()) if sighted else None,
            running,
            limit.per_worker,
            limit.ceiling,
            settings.min_blind_workers,
        )
        fleet.set_desired(pool, asked[pool])
    return asked
