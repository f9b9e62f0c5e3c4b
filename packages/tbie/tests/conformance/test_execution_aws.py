"""The fleet on Auto Scaling keeps the contract of fleets, over the group's rules and with real posts on its instances."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tbie.backends.aws.execution import AsgFleet
from tbie.backends.aws.groups import Declared
from tbie.backends.aws.place import Place
from tbie.core.clock import ManualClock
from tbie.core.reading import Known
from tbie.testing.aws.crew import Crew
from tbie.testing.aws.scaling import FakeScaling
from tbie.testing.aws.scaling_rules import Rules
from tbie.testing.conformance.execution import FleetConformance, Staff

POOLS = ("default", "other")


class _Staff:
    """Two groups, their instances, and a reconciler that asks again at each of its passes."""

    def __init__(self, lag_ms: int) -> None:
        clock, place = ManualClock(), Place("eu-central-1", "shop", "shop-objects")
        groups = [Rules(place.group(pool), warm_minimum=1) for pool in POOLS]
        self._scaling = FakeScaling(clock, *groups, lag_ms=lag_ms)
        self._crew = Crew(self._scaling, place, clock, POOLS)
        self.fleet = AsgFleet(self._scaling, place, clock, {pool: Declared(4) for pool in POOLS})
        self._crew.pass_time(120, 4_000)  # the warm pools fill
        self._asked: dict[str, int] = {}

    def settle(self) -> None:
        wanted = {pool: view.value.desired for pool in POOLS if isinstance(view := self.fleet.view(pool), Known)}
        for _ in range(70):
            self._crew.step(4_000)
            for pool, workers in wanted.items():
                self.fleet.set_desired(pool, workers)

    def occupy(self, pool: str) -> None:
        self._crew.work[pool] = len(
            [hand for hand in self._crew.hands.values() if hand.pool == pool and hand.post.in_service]
        )
        self._crew.pass_time(20)

    def free(self, pool: str) -> None:
        self._crew.finish(pool)


class TestAsgFleet(FleetConformance):
    def make_staff(self, folder: Path) -> Iterator[Staff]:
        yield _Staff(lag_ms=0)


class TestAsgFleetThatIsToldLate(FleetConformance):
    """What is described is half a minute old."""

    def make_staff(self, folder: Path) -> Iterator[Staff]:
        yield _Staff(lag_ms=30_000)
