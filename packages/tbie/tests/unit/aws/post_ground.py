"""One instance of a group on its way into service, and the post of its worker."""

from __future__ import annotations

from typing import Any

from tbie.backends.aws.duty import DutySettings, Phase
from tbie.backends.aws.instance import Post
from tbie.backends.aws.place import Place
from tbie.core.clock import ManualClock
from tbie.execution import Drift
from tbie.testing.aws.crew import FakeMetadata
from tbie.testing.aws.scaling import FakeScaling
from tbie.testing.aws.scaling_rules import Rules

PLACE = Place("eu-central-1", "shop", "shop-objects")
POOL = "default"


class Ground:
    """One instance on its way into service, and its post."""

    def __init__(self, settings: DutySettings | None = None, **group: Any) -> None:
        self.clock = ManualClock()
        self.group = Rules(PLACE.group(POOL), **group)
        self.scaling = FakeScaling(self.clock, self.group)
        self.scaling.set_desired_capacity(AutoScalingGroupName=self.group.name, DesiredCapacity=1)
        self.instance = next(iter(self.group.instances))
        self.clock.advance_ms(30_000)
        self.metadata = FakeMetadata(self.scaling, self.instance, self.clock)
        self.said: list[str] = []
        self.reported: list[str] = []
        self.done: list[str] = []
        self.post = self.new_post(settings)

    def new_post(self, settings: DutySettings | None = None) -> Post:
        return Post(
            self.metadata,
            self.scaling,
            PLACE,
            POOL,
            self.clock,
            settings,
            say=lambda state, _body: self.said.append(state),
            report=lambda error: self.reported.append(str(error)),
        )

    def ready(self, drift: Drift | None = None) -> None:
        self.post.attest(lambda: drift)()
        self.post.begin(lambda: self.done.append("stop"), lambda: self.done.append("give back"))

    def look(self, times: int = 1, ms: int = 2_000) -> Phase:
        for _ in range(times):
            self.post.look()
            self.clock.advance_ms(ms)
        return self.post.duty.phase

    def serve(self) -> None:
        self.ready()
        assert self.look(3) is Phase.IDLE

    @property
    def protected(self) -> bool:
        return self.scaling.find(self.instance).protected

    @property
    def state(self) -> str:
        return self.scaling.find(self.instance).state

    def take(self, messages: int = 1) -> bool:
        return self.post.may_ask() and self.post.took(messages)
