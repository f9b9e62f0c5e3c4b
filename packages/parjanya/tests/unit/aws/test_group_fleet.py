"""The fleet of an engine on an account: it asks for sizes, and leaves everything as it is when it ends."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from parjanya.home import Home
from parjanya.profiles import declared_profile
from parjanya.profiles.aws import Aws
from parjanya.profiles.declared_profile import AwsPlace
from parjanya.profiles.environment import CLOUD, VARIABLE
from parjanya.profiles.group_fleet import GroupFleet
from parjanya.profiles.system import settings_of
from parjanya.workflow import POOL, image_workflow
from tbie.backends.aws.place import Place
from tbie.core.clock import ManualClock, SystemClock
from tbie.core.ids import RandomIds
from tbie.core.reading import Known
from tbie.core.settings import Settings
from tbie.testing.aws.scaling import FakeScaling
from tbie.testing.aws.scaling_rules import Rules

ACCOUNT = AwsPlace("eu-central-1", "shop", "shop-objects")


def fleet_of(clock: ManualClock, scaling: FakeScaling) -> GroupFleet:
    clients = SimpleNamespace(autoscaling=scaling, place=Place("eu-central-1", "shop", "shop-objects"))
    return GroupFleet(clients, clock, [POOL])  # type: ignore[arg-type]


def test_it_asks_for_instances_and_tells_what_came() -> None:
    clock = ManualClock()
    scaling = FakeScaling(clock, Rules("shop-images", warm_minimum=0))
    fleet = fleet_of(clock, scaling)
    fleet.set_desired(POOL, 2)
    assert scaling.groups["shop-images"].desired == 2
    assert (fleet.running, fleet.boot_failures, fleet.last_boot_error) == (0, 0, None)
    fleet.supervise()
    fleet.drain()
    assert fleet.wait(60.0)
    assert fleet.recover(charge=True) == 0
    assert scaling.groups["shop-images"].desired == 2, "an engine that ends sends nobody away"


def test_what_aws_refuses_is_told_and_not_raised() -> None:
    clock = ManualClock()
    scaling = FakeScaling(clock, Rules("shop-images", warm_minimum=0))
    scaling.refuse("SetDesiredCapacity", "AccessDenied", times=9)
    fleet = fleet_of(clock, scaling)
    fleet.set_desired(POOL, 1)
    assert isinstance(fleet.view(POOL), Known)
    assert "AccessDenied" in (fleet.last_boot_error or "")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv(VARIABLE, raising=False)
    return Home(tmp_path / "home")


def test_an_account_has_its_own_defaults_and_instances_for_workers(home: Home) -> None:
    embedded = settings_of(home)
    declared_profile.write(home, ACCOUNT)
    assert settings_of(home) == Settings(**CLOUD)  # type: ignore[arg-type]
    assert settings_of(home).silence_s > embedded.silence_s
    profile = Aws(home, ACCOUNT, settings_of(home), SystemClock(), RandomIds())
    try:
        assert not profile.owns_workers
        assert profile.limits(image_workflow(), 1)[POOL].ceiling > 1
    finally:
        profile.close()


def test_beside_a_local_server_it_is_as_in_an_embedded_home(home: Home) -> None:
    embedded = settings_of(home)
    place = AwsPlace("eu-central-1", "shop", "shop-objects", "http://127.0.0.1:9")
    declared_profile.write(home, place)
    assert settings_of(home) == embedded
    profile = Aws(home, place, embedded, SystemClock(), RandomIds())
    try:
        assert profile.owns_workers
        assert profile.limits(image_workflow(), 3)[POOL].ceiling == 3
    finally:
        profile.close()
