"""Faults of Truth: away for a while, acknowledged and never heard, changed by a script behind everybody's back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tbie.core.finding import Boundary
from tbie.sim.chance import Chance
from tbie.sim.faults.base import Kind, count
from tbie.sim.plan import Planned
from tbie.sim.weather import Armed
from tbie.truth import StageState

if TYPE_CHECKING:
    from tbie.sim.world import World


def _acknowledged_late(world: World, fault: Planned) -> None:
    """The commit is durable and its caller dies before it hears of it."""
    who = Chance(fault.number).pick(("worker", "reconciler", "fleet"))
    world.weather.armed.append(Armed(fault, who, "truth.commit", "crash_after"))


def _dirty_rows(world: World, fault: Planned) -> bool:
    """A script sets a finished stage to pending and leaves its facts, its token and everything downstream as they are."""
    done = [
        (key, stage)
        for key, rows in sorted(world.shadow.rows.items())
        for stage, row in sorted(rows.items())
        if row["state"] == "completed" and (stage, key) not in world.shadow.dirty
    ]
    if not done:
        return False
    key, stage = Chance(fault.number).pick(done)
    items = world.truth.everything()
    item = items[key]
    dirty = item.stages[stage]._replace(state=StageState.PENDING)
    items[key] = replace(item, stages={**item.stages, stage: dirty})
    world.shadow.dirty.add((stage, key))
    world.sometimes["a script left a dirty row"] += 1
    return True


TRUTH = (
    Kind("truth_away", Boundary.TRUTH, *count("away", "truth"), ("truth_unavailable",)),
    Kind("commit_acknowledged_late", Boundary.TRUTH, _acknowledged_late),
    Kind("dirty_rows", Boundary.TRUTH, _dirty_rows, None, ("dirty_retry",)),
)
