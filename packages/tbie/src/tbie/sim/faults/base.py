"""What a fault is: a name, the boundary where it is, how it begins and how it ends. Callers: the modules beside this one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tbie.core.finding import Boundary
from tbie.sim.plan import Planned

if TYPE_CHECKING:
    from tbie.sim.world import World

Effect = Callable[["World", Planned], bool | None]
"""Does it; False: there was nothing to strike."""


class Kind(NamedTuple):
    """A kind of fault."""

    name: str
    boundary: Boundary
    begin: Effect
    end: Effect | None = None
    """None: it strikes once and is over."""
    codes: tuple[str, ...] = ()
    """Findings, one of which a diagnosis has to make within one sweep when this alone is wrong; none: it need not show."""


def count(counter: str, name: str) -> tuple[Effect, Effect]:
    """Begin and end of a fault that stands while a counter of the weather is above zero."""

    def begin(world: World, fault: Planned) -> None:
        del fault
        getattr(world.weather, counter)[name] += 1

    def end(world: World, fault: Planned) -> None:
        del fault
        getattr(world.weather, counter)[name] -= 1

    return begin, end
