"""How a fault begins and ends. Callers: ``run`` by the plan, ``episode`` under the eyes of the watch, ``heal`` at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tbie.sim.faults import CATALOGUE
from tbie.sim.plan import Planned

if TYPE_CHECKING:
    from tbie.sim.world import World


def begin(world: World, fault: Planned) -> bool | None:
    """*fault* strikes; False if there was nothing to strike."""
    kind = CATALOGUE[fault.kind]
    world.note("fault", fault.kind, "begins" if kind.end else "strikes")
    world.broken_ms = world.clock.now_ms()
    world.sometimes[f"fault {fault.kind}"] += 1
    struck = kind.begin(world, fault)
    world.struck.append((fault, world.clock.now_ms()))  # only now: a weekend is long
    if kind.end is not None:
        world.weather.standing[fault] = fault.step + fault.steps
    return struck


def end(world: World, fault: Planned) -> None:
    """*fault* is over."""
    kind = CATALOGUE[fault.kind]
    assert kind.end is not None
    del world.weather.standing[fault]
    kind.end(world, fault)
    world.broken_ms = world.clock.now_ms()
    world.note("fault", fault.kind, "ends")
