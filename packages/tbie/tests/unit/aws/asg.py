"""One Auto Scaling group by its rules, the fleet on it, and workers on its instances; and answers of AWS made by hand."""

from __future__ import annotations

from typing import Any

from tbie.backends.aws.execution import AsgFleet
from tbie.backends.aws.groups import Declared
from tbie.backends.aws.place import Place
from tbie.core.clock import ManualClock
from tbie.core.reading import FleetView, Known
from tbie.testing.aws.crew import Crew
from tbie.testing.aws.scaling import FakeScaling
from tbie.testing.aws.scaling_rules import Rules

POOL = "vision"


class Ground:
    """One group of at most four, its fleet, and workers on its instances."""

    def __init__(self, declared: Declared | None = None, **group: Any) -> None:
        self.clock, place = ManualClock(), Place("eu-central-1", "shop", "shop-objects")
        self.group = Rules(place.group(POOL), **{"warm_minimum": 0, **group})
        self.scaling = FakeScaling(self.clock, self.group)
        self.crew = Crew(self.scaling, place, self.clock, (POOL,))
        self.fleet = AsgFleet(self.scaling, place, self.clock, {POOL: declared or Declared(4)})

    def want(self, workers: int, seconds: int = 0) -> None:
        self.fleet.set_desired(POOL, workers)
        for _ in range(seconds // 5):
            self.crew.step(5_000)
            self.fleet.set_desired(POOL, workers)

    @property
    def view(self) -> FleetView:
        reading = self.fleet.view(POOL)
        assert isinstance(reading, Known), reading
        return reading.value

    def later(self, seconds: float) -> FleetView:
        self.clock.advance_ms(int(seconds * 1000))
        return self.view


def group_body(**more: Any) -> dict[str, Any]:
    return {"AutoScalingGroupName": "g", "MinSize": 0, "MaxSize": 4, "DesiredCapacity": 0, "Instances": [], **more}


def instance_body(number: int, *, protected: bool = False) -> dict[str, Any]:
    return {"InstanceId": f"i-{number:08x}", "LifecycleState": "InService", "ProtectedFromScaleIn": protected}
