"""A worker's post on its instance: protection around work, hooks, drains, refusals."""

from __future__ import annotations

import pytest

from packages.tbie.tests.unit.aws.post_ground import Ground
from tbie.backends.aws.duty import Phase
from tbie.backends.aws.instance import LEFT
from tbie.execution import Drift
from tbie.testing.aws.crew import FakeMetadata


def test_a_worker_comes_into_service_when_it_is_ready_and_not_before() -> None:
    ground = Ground()
    assert ground.look() is Phase.LOADING
    assert (ground.state, ground.said) == ("Pending:Wait", ["loading"])
    assert not ground.take()
    ground.ready()
    assert ground.look() is Phase.STARTING
    assert not ground.take()
    assert ground.look(2) is Phase.IDLE
    assert (ground.state, ground.protected) == ("InService", True)
    assert ground.take()


def test_a_long_load_keeps_the_hook_open_and_one_that_hangs_does_not() -> None:
    ground = Ground()
    ground.look(30, 20_000)
    assert ground.scaling.calls["RecordLifecycleActionHeartbeat"] == 9
    ground.look(60, 20_000)
    assert ground.scaling.calls["RecordLifecycleActionHeartbeat"] == 14
    assert ground.instance not in ground.group.instances  # the group has given it up


def test_an_instance_in_the_warm_pool_loads_completes_its_hook_and_takes_nothing() -> None:
    ground = Ground(warm_minimum=1)
    (warm,) = (m.id for m in ground.group.instances.values() if m.state.startswith("Warmed"))
    ground.instance, ground.metadata = warm, FakeMetadata(ground.scaling, warm, ground.clock)
    ground.post = ground.new_post()
    ground.post.attest(lambda: None)()
    assert ground.look(2) is Phase.WARM
    assert ground.said[-1] == "warm"
    assert not ground.take()
    ground.clock.advance_ms(30_000)
    assert ground.state == "Warmed:Stopped"
    assert ground.scaling.calls["SetInstanceProtection"] == 0


def test_protection_is_a_call_at_each_end_of_a_busy_time_and_none_for_each_item() -> None:
    ground = Ground()
    ground.serve()
    for _ in range(200):
        assert ground.take()
        ground.look(1, 1_000)
    assert ground.scaling.calls["SetInstanceProtection"] == 1
    assert ground.post.may_ask()
    ground.post.took(0)
    ground.look(40)
    assert not ground.protected
    assert ground.scaling.calls["SetInstanceProtection"] == 2
    assert ground.take()
    assert ground.protected
    assert ground.scaling.calls["SetInstanceProtection"] == 3


def test_what_was_received_is_not_begun_if_the_group_has_chosen_this_instance_meanwhile() -> None:
    ground = Ground()
    ground.serve()
    assert ground.post.may_ask()
    ground.post.took(0)
    ground.look(40)
    assert ground.post.may_ask()
    ground.scaling.set_desired_capacity(AutoScalingGroupName=ground.group.name, DesiredCapacity=0)
    assert ground.state.startswith("Terminating")
    assert not ground.post.took(1)
    assert ground.look() is Phase.LEAVING
    assert ground.post.exit_status == LEFT


@pytest.mark.parametrize("wrong", ["refused", "lost"])
def test_an_instance_that_does_not_know_whether_it_is_protected_begins_nothing_before_it_is(wrong: str) -> None:
    ground = Ground()
    ground.serve()
    assert ground.post.may_ask()
    ground.post.took(0)
    if wrong == "refused":
        ground.scaling.refuse("SetInstanceProtection", "Throttling", times=2)
    else:
        ground.scaling.lose_answers("SetInstanceProtection")  # it is unprotected, and was not told
    while ground.scaling.calls["SetInstanceProtection"] < 2:
        ground.look()
    assert ground.post.body()["protected"] is None
    assert ground.protected is (wrong == "refused")
    assert ground.take() is (wrong == "lost")
    assert ground.scaling.calls["SetInstanceProtection"] == 3
    ground.look(4)
    assert ground.take()
    assert ground.protected


def test_without_the_permission_to_protect_itself_a_worker_declines_and_says_so_and_goes_on_when_it_has_it() -> None:
    ground = Ground()
    ground.scaling.refuse("SetInstanceProtection", "AccessDenied", times=3)
    check = ground.post.attest(lambda: None)
    ground.ready()
    assert ground.look(4) is Phase.STARTING
    drift = check()
    assert drift is not None
    assert "AccessDenied" in str(drift.differences["scale-in protection"][1])
    assert not ground.take()
    assert len([words for words in ground.reported if "AccessDenied" in words]) == 1
    ground.look(20)
    assert check() is None
    assert ground.take()


def test_a_worker_that_is_not_what_was_declared_comes_into_service_takes_nothing_and_keeps_nobody() -> None:
    """It is not replaced in a loop by others of the same image: it is there to be looked at, and scale-in may have it."""
    ground = Ground()
    ground.ready(Drift({"image": ("a", "b")}))
    assert ground.look(3) is Phase.DECLINING
    assert (ground.state, ground.protected) == ("InService", False)
    assert not ground.take()


# -- going


def test_an_interruption_drains_and_what_is_not_over_in_time_goes_back() -> None:
    ground = Ground()
    ground.serve()
    assert ground.take()
    ground.scaling.interrupt(ground.instance)
    assert ground.look() is Phase.DRAINING
    assert ground.done == ["stop"]
    assert not ground.post.may_ask()
    assert not ground.post.left.is_set()


def test_a_worker_in_the_middle_of_something_gives_it_back_fifteen_seconds_before_the_machine_goes() -> None:
    ground = Ground()
    ground.serve()
    assert ground.take()
    ground.scaling.interrupt(ground.instance)
    ground.look(52)
    assert ground.done == ["stop"]
    ground.look(3)
    assert ground.done == ["stop", "give back"]
    assert ground.post.left.is_set()
    assert ground.post.exit_status == LEFT


def test_a_process_that_is_started_again_on_a_machine_that_goes_leaves_at_once() -> None:
    ground = Ground()
    ground.serve()
    ground.scaling.interrupt(ground.instance)
    ground.post = ground.new_post()
    assert ground.look() is Phase.LEAVING
    assert ground.post.exit_status == LEFT
    ground.ready()
    assert ground.done == ["stop"]  # whoever begins to run afterwards is stopped at once


def test_one_that_is_ended_although_it_holds_work_keeps_the_hook_open_until_that_is_over() -> None:
    """By a refresh, or somebody's hand, which no protection keeps off."""
    ground = Ground()
    ground.serve()
    assert ground.take()
    ground.group.end(ground.group.instances[ground.instance], "refresh", "an instance refresh")
    ground.clock.advance_ms(1_000)
    ground.look(300)  # twice the time of the hook
    assert ground.state == "Terminating:Wait"
    ground.post.settled()
    assert ground.look() is Phase.LEAVING
    ground.clock.advance_ms(30_000)
    assert ground.state == "Terminated"


def test_a_metadata_service_that_falls_silent_changes_nothing_but_is_told() -> None:
    ground = Ground()
    ground.serve()
    ground.metadata.away = True
    assert ground.look(2) is Phase.IDLE
    assert ground.take()
    assert ground.post.body()["unread"] == "no answer"
    assert ground.reported == ["i-" + ground.instance[2:] + ": notices cannot be read: no answer"]


def test_one_that_was_never_told_where_it_belongs_takes_nothing() -> None:
    ground = Ground()
    ground.metadata.away = True
    ground.ready()
    assert ground.look(5) is Phase.LOST
    assert not ground.take()


def test_a_process_that_ends_lets_scale_in_have_its_instance() -> None:
    ground = Ground()
    ground.serve()
    assert ground.take()
    ground.post.close()
    assert not ground.protected
    assert ground.post.exit_status == 0
