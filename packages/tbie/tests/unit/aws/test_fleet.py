"""The fleet on Auto Scaling: what it asks for, what it tells of workers on their way, and how often it asks."""

from __future__ import annotations

from typing import Any

import pytest

from packages.tbie.tests.unit.aws.asg import POOL, Ground, group_body, instance_body
from tbie.backends.aws.execution import AsgFleet, owner_of
from tbie.backends.aws.groups import Declared, Phase, desired_for, phase_of, read_group
from tbie.backends.aws.place import Place
from tbie.core.clock import ManualClock
from tbie.core.reading import BootState, Unknown
from tbie.testing.aws.scaling import FakeScaling
from tbie.testing.aws.scaling_rules import Rules

# -- sizes


def test_the_first_wish_starts_workers_from_zero_with_one_call() -> None:
    ground = Ground()
    ground.want(2)
    assert ground.group.desired == 2
    assert ground.scaling.calls["SetDesiredCapacity"] == 1
    ground.want(2, 60)
    assert ground.scaling.calls["SetDesiredCapacity"] == 1


def test_more_than_the_maximum_is_never_asked_for_and_the_drift_is_told() -> None:
    ground = Ground(Declared(9))
    ground.want(9, 120)
    assert (ground.view.desired, ground.view.running) == (4, 4)
    assert any("maximum is 4, and up to 9 workers" in words for words in ground.view.drift)
    assert ground.view.refused is None


@pytest.mark.parametrize(
    ("asked", "busy", "expected"), [(0, 0, 0), (0, 2, 2), (1, 2, 2), (2, 1, 2), (3, 3, None), (7, 0, 4)]
)
def test_a_size_falls_no_further_than_the_number_of_busy_ones(asked: int, busy: int, expected: int | None) -> None:
    instances = [instance_body(n, protected=n < busy) for n in range(3)]
    group = read_group(group_body(DesiredCapacity=3, Instances=instances))
    assert desired_for(asked, group) == expected


def test_a_size_never_falls_below_the_minimum() -> None:
    assert desired_for(0, read_group(group_body(MinSize=1, DesiredCapacity=3))) == 1


def test_a_size_that_somebody_else_set_meanwhile_is_what_is_wanted() -> None:
    ground = Ground()
    ground.want(1)
    ground.scaling.set_desired_capacity(AutoScalingGroupName=ground.group.name, DesiredCapacity=3)
    assert ground.later(6).desired == 3


def test_a_refused_size_is_told_and_asked_for_again_after_a_pause_that_doubles() -> None:
    ground = Ground()
    ground.scaling.refuse(
        "SetDesiredCapacity", "AccessDenied", "no permission for autoscaling:SetDesiredCapacity", times=3
    )
    began_ms = ground.clock.now_ms()
    ground.want(2, 10)
    refused = ground.view.refused
    assert refused is not None
    assert (refused.reason, refused.times, refused.since_ms) == ("permission", 2, began_ms)
    assert "SetDesiredCapacity" in refused.words
    assert ground.scaling.calls["SetDesiredCapacity"] == 2
    ground.want(2, 60)
    assert ground.view.refused is None
    assert ground.group.desired == 2


def test_without_a_readable_group_no_size_is_set() -> None:
    ground = Ground()
    ground.scaling.refuse("DescribeAutoScalingGroups", "AccessDenied", times=99)
    ground.want(2, 30)
    assert ground.scaling.calls["SetDesiredCapacity"] == 0


# -- readings


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "ExpiredToken"])
def test_a_group_that_cannot_be_read_is_unknown_with_the_reason(code: str) -> None:
    ground = Ground()
    ground.scaling.refuse("DescribeAutoScalingGroups", code)
    reading = ground.fleet.view(POOL)
    assert isinstance(reading, Unknown)
    assert code in reading.error
    ground.later(6)


def test_a_group_that_does_not_exist_is_unknown_and_says_what_to_do() -> None:
    ground = Ground()
    ground.scaling.groups.clear()
    reading = ground.fleet.view(POOL)
    assert isinstance(reading, Unknown)
    assert "there is no Auto Scaling group shop-vision in this region: deploy it" in reading.error
    assert isinstance(ground.fleet.view("another"), Unknown)


@pytest.mark.parametrize(
    "garbage",
    [
        {},
        {"AutoScalingGroups": 3},
        {"AutoScalingGroups": [{"AutoScalingGroupName": "shop-vision"}]},
        {
            "AutoScalingGroups": [
                {"AutoScalingGroupName": "shop-vision", "MinSize": -1, "MaxSize": 1, "DesiredCapacity": 0}
            ]
        },
        {
            "AutoScalingGroups": [
                {"AutoScalingGroupName": "shop-vision", "MinSize": True, "MaxSize": 1, "DesiredCapacity": 0}
            ]
        },
    ],
)
def test_an_answer_that_is_none_is_unknown_and_never_an_empty_fleet(garbage: dict[str, Any]) -> None:
    ground = Ground()
    ground.scaling.describe_auto_scaling_groups = lambda **_: garbage  # type: ignore[method-assign]
    reading = ground.fleet.view(POOL)
    assert isinstance(reading, Unknown)
    assert "not an answer" in reading.error


@pytest.mark.parametrize(
    "wrong", [{"InstanceId": "rm -rf"}, {"InstanceId": 3}, {"LifecycleState": ""}, {"LifecycleState": "x" * 300}]
)
def test_an_instance_that_is_none_makes_the_group_unreadable(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        read_group(group_body(Instances=[{**instance_body(1), **wrong}]))


def test_a_lifecycle_state_that_nobody_knows_yet_is_neither_running_nor_booting() -> None:
    assert phase_of("Levitating:Wait") is Phase.ASIDE
    assert phase_of("Pending:Proceed") is Phase.BOOTING
    assert phase_of("Warmed:Pending:Wait") is Phase.WARMING


def test_busy_are_those_that_protect_themselves() -> None:
    ground = Ground()
    ground.want(3, 240)
    assert (ground.view.running, ground.view.busy) == (3, 0)
    ground.crew.work[POOL] = 2
    ground.want(3, 20)
    assert (ground.view.running, ground.view.busy) == (3, 2)


# -- boots


def test_an_instance_is_on_its_way_from_its_launch_until_it_says_more_itself() -> None:
    ground = Ground()
    asked_ms = ground.clock.now_ms()
    ground.want(1)
    ground.crew.step(5_000)
    (boot,) = ground.later(6).boots
    assert boot == (owner_of(POOL, next(iter(ground.group.instances))), BootState.STARTED, asked_ms)
    ground.want(1, 90)
    assert [b.since_ms for b in ground.view.boots] == [asked_ms]
    assert ground.view.running == 1


def test_an_instance_that_rests_in_the_warm_pool_is_on_no_way_and_one_that_boots_into_it_is() -> None:
    ground = Ground(warm_minimum=2)
    assert [boot.state for boot in ground.view.boots] == [BootState.STARTED] * 2
    ground.crew.pass_time(120)
    assert ground.later(61).boots == ()


def test_what_is_missing_was_requested_and_is_counted_from_when_it_was_first_missed() -> None:
    ground = Ground(suspended={"Launch"})
    ground.want(2)
    began_ms = ground.clock.now_ms()
    assert [(b.state, b.since_ms) for b in ground.later(30).boots] == [(BootState.REQUESTED, began_ms + 30_000)] * 2
    assert [b.since_ms for b in ground.later(30).boots] == [began_ms + 30_000] * 2
    assert ground.view.refused is not None
    assert ground.view.refused.reason == "suspended"


# -- what it costs


def test_a_look_costs_one_call_for_all_groups_however_often_the_reconciler_turns() -> None:
    clock, place = ManualClock(), Place("eu-central-1", "shop", "shop-objects")
    pools = ("default", "vision", "group")
    scaling = FakeScaling(clock, *(Rules(place.group(pool), warm_minimum=0) for pool in pools))
    fleet = AsgFleet(scaling, place, clock, {pool: Declared(4) for pool in pools})
    for _ in range(240):  # a minute of passes, four a second
        for pool in pools:
            fleet.set_desired(pool, 0)
            fleet.view(pool)
        clock.advance_ms(250)
    assert scaling.calls == fleet.calls
    assert fleet.calls == {"DescribeAutoScalingGroups": 12, "DescribeScalingActivities": 3, "DescribeWarmPool": 3}


def test_a_lost_answer_is_a_refusal_that_is_asked_for_again() -> None:
    ground = Ground()
    ground.scaling.lose_answers("SetDesiredCapacity")
    ground.want(2)
    assert ground.view.refused is not None
    ground.want(2, 10)
    assert ground.view.refused is None
