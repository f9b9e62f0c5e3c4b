"""Whatever is asked for and happens: scale-in ends no instance that holds work, and what is asked for comes or is told why not.

The group is a fake that keeps AWS's rules; fleet, posts and decisions are the real ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tbie.backends.aws.duty import DutySettings
from tbie.backends.aws.execution import AsgFleet
from tbie.backends.aws.groups import Declared
from tbie.backends.aws.place import Place
from tbie.core.clock import ManualClock
from tbie.core.reading import FleetView, Known
from tbie.testing.aws.crew import Crew
from tbie.testing.aws.scaling import FakeScaling
from tbie.testing.aws.scaling_rules import Pace, Rules

POOL = "vision"
CALLS = ("SetInstanceProtection", "SetDesiredCapacity", "CompleteLifecycleAction", "DescribeAutoScalingGroups")
CODES = ("Throttling", "AccessDenied", "ResourceContention")

number = st.integers(0, 5)
usual = st.one_of(
    st.tuples(st.just("want"), st.integers(0, 6)),
    st.tuples(st.just("work"), st.integers(1, 5)),
    st.tuples(st.just("finish"), number),
    st.tuples(st.just("wait"), st.integers(1, 40)),
)
faults = st.one_of(
    st.tuples(st.just("interrupt"), number),
    st.tuples(st.just("kill"), number),
    st.tuples(st.just("blindfold"), number),
    st.tuples(st.just("crash"), number),
    st.tuples(st.just("refuse"), st.tuples(st.sampled_from(CALLS), st.sampled_from(CODES), st.integers(1, 4))),
    st.tuples(st.just("lose"), st.sampled_from(CALLS[:3])),
    st.tuples(st.just("shortage"), st.booleans()),
    st.tuples(st.just("image"), st.booleans()),
    st.tuples(st.just("refresh"), st.just(0)),
    st.tuples(st.just("hang"), st.booleans()),
)
acts = usual | faults


@dataclass
class Scene:
    """One pool of at most four instances, a warm pool of one, descriptions that may be late."""

    protects_new: bool
    warm: bool
    lag_ms: int
    given: int = 0
    blindfolded: set[str] = field(default_factory=set)
    killed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.clock, place = ManualClock(), Place("eu-central-1", "shop", "shop-objects")
        pace = Pace(launch_hook_ms=120_000, end_hook_ms=60_000)
        self.group = Rules(
            place.group(POOL), protects_new=self.protects_new, warm_minimum=1 if self.warm else None, pace=pace
        )
        self.scaling = FakeScaling(self.clock, self.group, lag_ms=self.lag_ms)
        self.crew = Crew(self.scaling, place, self.clock, (POOL,), DutySettings(load_budget_s=120.0))
        self.fleet = AsgFleet(self.scaling, place, self.clock, {POOL: Declared(4)})
        self.wanted = 0

    def act(self, what: str, how: Any) -> None:
        at = sorted(self.group.instances)
        match what:
            case "want":
                self.wanted = how
                self.fleet.set_desired(POOL, how)
            case "work":
                self.crew.work[POOL] += how
                self.given += how
            case "finish":
                self.crew.finish(POOL, how)
            case "wait":
                self.turn(how)
            case "interrupt" if at:
                self.scaling.interrupt(at[how % len(at)])
            case "kill" if at:
                self.scaling.kill(at[how % len(at)])
                self.killed.add(at[how % len(at)])
            case "crash" if at:  # the process dies, the machine stays; the unit starts another one
                self.crew.crash(at[how % len(at)])
            case "blindfold" if at and at[how % len(at)] in self.crew.hands:
                self.crew.hands[at[how % len(at)]].metadata.away = True
                self.blindfolded.add(at[how % len(at)])
            case "refuse":
                self.scaling.refuse(how[0], how[1], times=how[2])
            case "lose":
                self.scaling.lose_answers(how)
            case "shortage":
                self.group.shortage = how
            case "image":
                self.group.image_missing = how
            case "refresh":
                self.group.template = f"lt-0a:{int(self.group.template.rpartition(':')[2]) + 1}"
                self.scaling.start_instance_refresh(AutoScalingGroupName=self.group.name)
            case "hang":
                self.crew.hangs = how

    def turn(self, steps: int) -> None:
        """The reconciler passes once a step."""
        for _ in range(steps):
            self.crew.step(4_000)
            self.fleet.set_desired(POOL, self.wanted)

    def view(self) -> FleetView:
        reading = self.fleet.view(POOL)
        assert isinstance(reading, Known), reading
        return reading.value

    def check(self) -> None:
        assert self.crew.begun_unprotected == 0
        assert self.crew.chosen_holding == []
        for instance, because in self.crew.ended_holding:
            if instance not in self.killed:
                assert because == "interrupted", f"{instance} was ended while it held work: {because}"
                assert instance in self.blindfolded, "it had two minutes to give back"
        held = sum(hand.held for hand in self.crew.hands.values())
        assert self.crew.work[POOL] + held + self.crew.finished == self.given


@settings(max_examples=80)
@given(
    script=st.lists(acts, min_size=5, max_size=25),
    at_first=st.integers(0, 4),
    protects_new=st.booleans(),
    warm=st.booleans(),
    lag_ms=st.sampled_from([0, 0, 30_000]),
)
def test_nobody_who_holds_work_is_ended_and_everything_asked_for_comes_or_is_told(
    script: list[tuple[str, Any]], at_first: int, protects_new: bool, warm: bool, lag_ms: int
) -> None:
    scene = Scene(protects_new, warm, lag_ms)
    scene.wanted = at_first
    scene.turn(25)
    for what, how in script:
        scene.act(what, how)
        scene.turn(2)
        scene.check()
    # faults that are none of the cloud's end; what the cloud does not give stays so, and must be told
    scene.scaling.heal()
    scene.crew.hangs = False
    for hand in scene.crew.hands.values():
        hand.metadata.away = False
    scene.wanted = min(3, max(1, scene.wanted))
    scene.turn(150)
    scene.check()
    view = scene.view()
    if view.running < scene.wanted:
        assert view.refused is not None
        assert view.refused.reason in ("capacity", "image")
        assert scene.group.shortage or scene.group.image_missing
    scene.group.shortage = scene.group.image_missing = False
    scene.turn(80)
    assert scene.view().running >= scene.wanted == scene.view().desired
    # and nobody stays for nothing
    scene.wanted = 0
    for _ in range(30):
        scene.crew.finish(POOL)
        scene.turn(5)
    scene.check()
    assert scene.view().running == 0
