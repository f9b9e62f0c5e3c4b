"""What every actor is: somebody who can be given a turn. Callers: ``world``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tbie.sim.world import World


class Actor:
    """Somebody who takes turns."""

    weight = 1
    """How often it is its turn, compared with the others."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name

    def ready(self) -> bool:
        """Whether a turn would do anything."""
        return True

    def act(self) -> None:
        """One turn. A crash of its own process ends here, and so do errors that this process reports and survives."""
        raise NotImplementedError

    def pulse(self) -> None:
        """What goes on by itself while time passes."""
