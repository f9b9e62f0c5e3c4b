"""Faults of Belief: readings that fail, or that answer what was true some time ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tbie.core.finding import Boundary
from tbie.sim.faults.base import Kind, count
from tbie.sim.plan import Planned

if TYPE_CHECKING:
    from tbie.sim.world import World

UNREADABLE = ("queue_unreadable", "control_plane_blind")


def _stale_begin(world: World, fault: Planned) -> None:
    del fault
    world.weather.stale["intent.presence"] += 1
    world.weather.stale["intent.depth"] += 1


def _stale_end(world: World, fault: Planned) -> None:
    del fault
    world.weather.stale["intent.presence"] -= 1
    world.weather.stale["intent.depth"] -= 1
    world.weather.remembered.clear()
    world.checkers.destroyed()


BELIEF = (
    Kind("presence_unreadable", Boundary.BELIEF, *count("blind", "intent.presence"), UNREADABLE),
    Kind("depth_unreadable", Boundary.BELIEF, *count("blind", "intent.depth"), UNREADABLE),
    Kind(
        "fleet_unreadable", Boundary.BELIEF, *count("blind", "fleet.view"), ("fleet_unreadable", "control_plane_blind")
    ),
    Kind("stale_reading", Boundary.BELIEF, _stale_begin, _stale_end),
)
