"""Workers on instances of Auto Scaling groups, as an engine asks for them. They are nobody's children: AWS starts and ends them,
each buries what its predecessor on the instance left, and what died with an instance comes back when its lease ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from tbie.backends.aws.client import Clients
from tbie.backends.aws.execution import AsgFleet
from tbie.backends.aws.groups import Declared
from tbie.core.clock import Clock
from tbie.core.reading import FleetView, Known, Reading


class GroupFleet:
    """An ``OwnFleet`` that an engine leaves as it is when it ends."""

    def __init__(self, clients: Clients, clock: Clock, pools: Sequence[str]) -> None:
        self._pools = tuple(pools)
        self._fleet = AsgFleet(clients.autoscaling, clients.place, clock, {pool: Declared() for pool in pools})

    def set_desired(self, pool: str, workers: int) -> None:
        self._fleet.set_desired(pool, workers)

    def view(self, pool: str) -> Reading[FleetView]:
        return self._fleet.view(pool)

    def supervise(self) -> object:
        """The group does."""
        return ()

    def recover(self, charge: bool = False) -> int:  # noqa: ARG002 - as the protocol has it
        """Nothing of a dead instance is on this machine."""
        return 0

    def drain(self) -> None:
        """Whoever leads next sets the size; instances without work leave by it."""

    def wait(self, timeout_s: float) -> bool:  # noqa: ARG002 - as the protocol has it
        """Nobody has to leave for an engine to end."""
        return True

    @property
    def running(self) -> int:
        """Instances in service, as far as they can be counted."""
        return sum(view.running for view in self._views())

    @property
    def boot_failures(self) -> int:
        """In the pool where that is worst."""
        return max((view.boot_failures for view in self._views()), default=0)

    @property
    def last_boot_error(self) -> str | None:
        """Of any pool."""
        return next((view.last_boot_error for view in self._views() if view.last_boot_error), None)

    def _views(self) -> list[FleetView]:
        views = [self._fleet.view(pool) for pool in self._pools]
        return [view.value for view in views if isinstance(view, Known)]
