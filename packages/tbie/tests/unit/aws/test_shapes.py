"""The mock of all AWS's interfaces accepts each call that the fleet and its posts make: their names, parameters and answers.

Only that. Where this mock is wrong about what a group does, ``WRONG`` says so; that is why the rules are written down in
``tbie.testing.aws.scaling_rules`` and tested against those.
"""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

import pytest

from tbie.backends.aws.client import Clients
from tbie.backends.aws.execution import AsgFleet
from tbie.backends.aws.groups import Declared, Phase, read_group
from tbie.backends.aws.instance import Post
from tbie.backends.aws.place import Place
from tbie.core.clock import ManualClock
from tbie.core.reading import FleetView, Known
from tbie.testing.aws.crew import FakeMetadata
from tbie.testing.aws.scaling import FakeScaling

moto = pytest.importorskip("moto", reason="moto is not installed: ./run test installs it")

WRONG = {
    "in service at once": "an instance is never Pending, waits for no hook",
    "above the maximum": "SetDesiredCapacity above MaxSize is accepted",
    "warm pool": "its configuration is kept, its instances never come",
    "activities": "there are none, whatever was launched or failed",
    "hooks": "CompleteLifecycleAction and RecordLifecycleActionHeartbeat do not exist",
    "images": "a template whose image does not exist launches an instance",
}


KEYS = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}


@pytest.fixture(scope="module")
def mock() -> Iterator[None]:
    """Loading what it knows takes seconds, so once for all; each test has a group of its own."""
    with moto.mock_aws():
        yield


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    return Place("eu-central-1", f"shop-{crc32(request.node.name.encode()):x}", "shop-objects")


@pytest.fixture
def clients(mock: None, place: Place) -> Iterator[Clients]:
    clients = Clients(place, credentials=KEYS)
    ec2 = clients.of("ec2")
    data = {"ImageId": "ami-00000000deadbeef", "InstanceType": "g6.xlarge"}  # WRONG["images"]
    ec2.create_launch_template(LaunchTemplateName=place.prefix, LaunchTemplateData=data)
    clients.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=place.group("vision"),
        MinSize=0,
        MaxSize=4,
        LaunchTemplate={"LaunchTemplateName": place.prefix, "Version": "1"},
        VPCZoneIdentifier=ec2.describe_subnets()["Subnets"][0]["SubnetId"],
        NewInstancesProtectedFromScaleIn=True,
    )
    clients.autoscaling.put_warm_pool(AutoScalingGroupName=place.group("vision"), MinSize=1, PoolState="Stopped")
    yield clients
    clients.close()


def view(fleet: AsgFleet) -> FleetView:
    reading = fleet.view("vision")
    assert isinstance(reading, Known), reading
    return reading.value


def test_the_calls_of_the_fleet_are_accepted_and_their_answers_understood(clients: Clients, place: Place) -> None:
    clock = ManualClock()
    fleet = AsgFleet(clients.autoscaling, place, clock, {"vision": Declared(4)})
    assert view(fleet).desired == 0
    fleet.set_desired("vision", 2)
    clock.advance_ms(6_000)
    assert (view(fleet).desired, view(fleet).running, view(fleet).busy) == (2, 2, 2)
    assert set(fleet.calls) == {
        "DescribeAutoScalingGroups",
        "SetDesiredCapacity",
        "DescribeWarmPool",
        "DescribeScalingActivities",
    }
    assert view(fleet).drift == ()


def test_a_post_protects_and_unprotects_its_instance(clients: Clients, place: Place) -> None:
    scaling = clients.autoscaling
    scaling.set_desired_capacity(AutoScalingGroupName=place.group("vision"), DesiredCapacity=1)
    (entry,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[place.group("vision")])["AutoScalingGroups"]
    (member,) = read_group(entry).of(Phase.SERVING)
    clock = ManualClock()
    post = Post(FakeMetadata(FakeScaling(clock), member.instance, clock), scaling, place, "vision", clock)
    for wanted in (False, True):
        assert post._protect(wanted)
        (entry,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[place.group("vision")])[
            "AutoScalingGroups"
        ]
        assert read_group(entry).members[0].protected is wanted


@pytest.mark.parametrize("operation", ["CompleteLifecycleAction", "RecordLifecycleActionHeartbeat"])
def test_the_calls_that_the_mock_has_not_have_the_parameters_that_the_service_describes(
    clients: Clients, operation: str
) -> None:
    shape = clients.autoscaling.meta.service_model.operation_model(operation).input_shape
    given = {"LifecycleHookName", "AutoScalingGroupName", "InstanceId"}
    given |= {"LifecycleActionResult"} if operation == "CompleteLifecycleAction" else set()
    assert set(shape.required_members) <= given <= set(shape.members)


def test_the_mock_is_as_wrong_as_it_was(clients: Clients, place: Place) -> None:
    """If one of these comes right, more may be tested over HTTP: look again."""
    scaling, name = clients.autoscaling, place.group("vision")
    assert scaling.describe_warm_pool(AutoScalingGroupName=name)["Instances"] == [], WRONG["warm pool"]
    scaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=9)
    (entry,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    group = read_group(entry)
    assert group.desired == 9, WRONG["above the maximum"]
    assert len(group.of(Phase.SERVING)) == 9, WRONG["in service at once"]
    assert scaling.describe_scaling_activities(AutoScalingGroupName=name)["Activities"] == [], WRONG["activities"]
    with pytest.raises(NotImplementedError):
        scaling.complete_lifecycle_action(
            LifecycleHookName="launch",
            AutoScalingGroupName=name,
            InstanceId=group.members[0].instance,
            LifecycleActionResult="CONTINUE",
        )
