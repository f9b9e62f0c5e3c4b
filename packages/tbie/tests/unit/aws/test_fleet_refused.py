"""What a fleet on Auto Scaling says when workers do not come, die, or the group is not as declared: each told apart."""

from __future__ import annotations

from typing import Any

import pytest

from packages.tbie.tests.unit.aws.asg import POOL, Ground, group_body, instance_body
from tbie.backends.aws.execution import owner_of
from tbie.backends.aws.groups import read_group, stale
from tbie.backends.aws.launches import reason_of

# -- refused, failed, lost: three different things


def test_a_capacity_shortage_is_refused_counted_and_over_when_an_instance_comes() -> None:
    ground = Ground(shortage=True)
    ground.want(1)
    began_ms = ground.clock.now_ms()
    ground.want(1, 150)
    refused = ground.view.refused
    assert refused is not None
    assert (refused.reason, refused.since_ms, refused.times) == ("capacity", began_ms, 3)
    assert "do not have sufficient g6.xlarge capacity" in refused.words
    assert ground.view.boot_failures == 0
    ground.group.shortage = False
    ground.want(1, 120)
    assert ground.view.refused is None
    assert ground.view.running == 1


def test_an_image_that_does_not_exist_is_refused_and_no_failed_boot() -> None:
    ground = Ground(image_missing=True)
    ground.want(1, 30)
    refused = ground.view.refused
    assert refused is not None
    assert refused.reason == "image"
    assert "ami-0deadbeef" in (ground.view.last_boot_error or "")
    assert (ground.view.running, ground.view.boot_failures) == (0, 0)


def test_instances_that_run_and_never_say_that_they_are_ready_are_failed_boots() -> None:
    """Incident 6a: the machine runs, the worker does not."""
    ground = Ground()
    ground.group.pace = type(ground.group.pace)(launch_hook_ms=120_000)
    ground.crew.hangs = True
    ground.crew.settings = type(ground.crew.settings)(load_budget_s=60.0)
    ground.want(1, 600)
    view = ground.view
    assert view.boot_failures >= 2
    assert "Heartbeat Timeout" in (view.last_boot_error or "")
    assert view.refused is None
    assert view.running == 0


def test_an_instance_that_dies_is_lost_and_one_that_scale_in_takes_is_not() -> None:
    ground = Ground()
    ground.want(2, 240)
    first = next(iter(ground.group.instances))
    ground.scaling.kill(first)
    ground.want(2, 180)
    (lost,) = ground.view.deaths
    assert (lost.owner, lost.reason) == (owner_of(POOL, first), "instance_lost")
    ground.want(0, 200)
    assert ground.view.running == 0
    assert len(ground.view.deaths) == 1


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("We currently do not have sufficient p5 capacity in the Availability Zone you requested", "capacity"),
        (
            "Could not launch Spot Instances. InsufficientInstanceCapacity - There is no Spot capacity available",
            "capacity",
        ),
        ("You have requested more vCPU capacity than your current vCPU limit of 8 allows", "quota"),
        ("Not authorized for images: [ami-0123]", "permission"),
        ("The image id '[ami-0123]' does not exist", "image"),
        ("You must use a valid fully-formed launch template. The parameter groupName is not valid", "template"),
        ("The security group 'sg-1' does not exist in VPC", "template"),
        ("Request limit exceeded.", "throttled"),
        ("Something new", "other"),
        ("", "other"),
    ],
)
def test_the_words_of_a_failed_launch_tell_the_kind(message: str, reason: str) -> None:
    assert reason_of(message) == reason


# -- drift


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ({"maximum": 2}, "maximum is 2, and up to 4"),
        ({"protects_new": False}, "not protected from scale-in"),
        ({"warm_minimum": None}, "no warm pool"),
        ({"suspended": {"Terminate"}}, "the process Terminate is suspended"),
    ],
)
def test_a_group_that_differs_from_what_was_declared_says_how(group: dict[str, Any], words: str) -> None:
    (said,) = Ground(None, **group).view.drift
    assert words in said


def test_warm_instances_keep_the_old_template_through_a_refresh_and_that_is_told() -> None:
    """Incident 6a in its quiet form: the next scale-out starts the old image."""
    ground = Ground(warm_minimum=2)
    ground.crew.pass_time(120)
    ground.want(1, 200)
    before, ground.group.template = ground.view.drift, "lt-0a:2"
    ground.scaling.start_instance_refresh(AutoScalingGroupName=ground.group.name)
    ground.want(1, 180)
    after = ground.view.drift
    assert before == ()
    assert "1 of 1 instances in service have the old template lt-0a:1, not lt-0a:2" in after[0]  # it came from the pool
    assert "1 of 2 instances of the warm pool have the old template" in after[1]


@pytest.mark.parametrize(("version", "old"), [("$Latest", 1), ("2", 1), ("1", 1)])
def test_a_group_that_names_the_latest_template_is_compared_with_the_newest_that_anybody_has(
    version: str, old: int
) -> None:
    template = {"LaunchTemplateId": "lt-1"}
    instances = [{**instance_body(n), "LaunchTemplate": {**template, "Version": str(n)}} for n in (1, 2)]
    group = read_group(group_body(Instances=instances, LaunchTemplate={**template, "Version": version}))
    assert len(stale(group, (), group.members)) == old


def test_what_explains_and_cannot_be_read_is_told_and_blinds_nobody() -> None:
    ground = Ground(warm_minimum=1)
    ground.scaling.refuse("DescribeScalingActivities", "AccessDenied")
    ground.scaling.refuse("DescribeWarmPool", "Throttling")
    view = ground.view
    assert "why launches fail is not known" in view.drift[0]
    assert "what is in the warm pool is not known" in view.drift[1]
    assert ground.later(61).drift == ()
