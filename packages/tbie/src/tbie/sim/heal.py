"""All faults end, everybody gets turns, and within a bounded number of sweeps nothing may be left to do.

Caller: ``run``. What is failed must be failed for a reason that the faults explain: healing is no licence to give up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tbie.sim.strike import end
from tbie.sim.violation import ViolationError
from tbie.truth import StageState

if TYPE_CHECKING:
    from tbie.sim.world import World

SWEEPS = 60
"""Within so many sweeps everything has converged: three leases, the longest pause, two cool-downs, each with margin."""
ROUNDS = 2_000
"""So many rounds without convergence are a livelock, whatever the clock says."""

REGRADES = 2
"""Campaigns that bring up to date what was done by versions that hold no more: one for each stage that has several."""


def heal(world: World) -> None:
    """Every fault ends at once."""
    for fault in list(world.weather.standing):
        end(world, fault)
    world.weather.armed.clear()
    world.weather.once.clear()
    world.adder.flaws.clear()
    world.due = []
    world.healing, world.interleaving = True, 0
    world.note("world", "heals")


def converge(world: World) -> int:
    """Give turns until nothing is left to do; returns how many rounds it took.

    Raises:
        ViolationError: it takes too long, or something is failed that nothing explains.
    """
    patience_ms = int(SWEEPS * world.settings.sweep_interval_s * 1000)
    limit, regrades = world.clock.now_ms() + patience_ms, 0
    for done in range(ROUNDS):
        before = (world.truth.last_seq(), world.adder.left)
        for actor in list(world.actors):
            for _ in range(3 if actor in world.fleet.staff else 1):
                if actor.ready():
                    world.act(actor)
        world.checkers.after_step(world)
        if _settled(world):
            stale = world.checkers.tenants.stale(world)
            if stale is not None and regrades < REGRADES:
                world.checkers.tenants.on_stale(world, stale)
                world.campaigner.regrade(stale)
                world.sometimes["a campaign brought what was stale up to date"] += 1
                regrades += 1
                limit = world.clock.now_ms() + patience_ms
                continue
            if stale is not None:
                raise ViolationError("14 declared for its tenant", f"{stale} is stale after {regrades} regrades")
            world.checkers.at_end(world)
            return done
        if world.clock.now_ms() > limit:
            raise ViolationError("01 no lost work", f"not settled {SWEEPS} sweeps after the last fault")
        world.advance(200 if before != (world.truth.last_seq(), world.adder.left) else 2_500)
    raise ViolationError("01 no lost work", f"not settled after {ROUNDS} rounds")


def _settled(world: World) -> bool:
    if world.adder.left or world.shadow.open or world.campaigner.under_way:
        return False
    for rows in world.shadow.rows.values():
        for row in rows.values():
            if row["state"] == StageState.WAITING.value:
                return False
    now, settings = world.clock.now_ms(), world.settings
    return not any(
        world.truth.failed_stages(s.name, settings.reset_budget_count, now, 1) for s in world.workflow.stages
    )
