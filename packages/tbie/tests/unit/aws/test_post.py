"""A worker's post on its instance: protection around work, hooks, drains, refusals; and a real worker behind it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tbie.backends.aws.duty import DutySettings, Phase
from tbie.backends.aws.guarded import GuardedIntent
from tbie.backends.aws.instance import LEFT, Post
from tbie.backends.aws.place import Place
from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import IntentUnavailableError, TbieError
from tbie.core.ids import SequentialIds
from tbie.core.outcome import Completed, Outcome
from tbie.core.reading import Depth, Known
from tbie.execution import Drift, OneByOne, Work
from tbie.intent import Claim
from tbie.testing.aws.crew import FakeMetadata
from tbie.testing.aws.scaling import FakeScaling
from tbie.testing.aws.scaling_rules import Rules
from tbie.testing.builders import RETENTION_S, World, chain, envelope, new_items
from tbie.worker import Worker
from tbie.worker.runner import Runner

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


# -- with a real worker


def worker_behind(ground: Ground, handler: Any, count: int = 3) -> tuple[World, Worker, GuardedIntent]:
    workflow, ids = chain("a"), SequentialIds()
    world = World(
        workflow, MemoryTruth(workflow, ground.clock, ids), MemoryIntent(ground.clock, RETENTION_S), ground.clock, ids
    )
    world.add(new_items(count))
    world.reconciler().step()
    guarded = GuardedIntent(world.intent, ground.post)
    attest = ground.post.attest(lambda: None)
    handlers = {"a": OneByOne(handler)}
    worker = Worker(
        ground.post.name, POOL, workflow, handlers, world.truth, guarded, ground.clock, world.settings, attest=attest
    )
    ground.post.begin(
        lambda: ground.done.append("stop"), lambda: world.intent.release_owner(worker.name), lambda: worker.held
    )
    return world, worker, guarded


def depth(world: World) -> Depth:
    reading = world.intent.depth("a")
    assert isinstance(reading, Known)
    return reading.value


def test_a_worker_behind_its_post_works_only_in_service_and_only_protected() -> None:
    ground = Ground()
    protected: list[bool] = []

    def handler(_work: Work) -> Outcome:
        protected.append(ground.protected)
        return Completed({"a": 1})

    world, worker, _ = worker_behind(ground, handler)
    assert worker.step().claimed == 0
    ground.look(3)
    while worker.step().claimed:
        ground.look()
    assert protected == [True, True, True]
    assert depth(world).live == 0


def test_what_may_not_be_begun_goes_back_uncounted() -> None:
    ground = Ground()
    world, worker, _ = worker_behind(ground, lambda _work: Completed({"a": 1}))
    ground.look(3)
    ground.look(40)
    ground.scaling.refuse("SetInstanceProtection", "Throttling", times=2)
    assert worker.step().claimed == 0
    assert depth(world).visible == 3
    ground.look(5)
    (message, *_) = world.intent.exchange((), [Claim("a", "w", 1, 60.0, 1)])
    assert message.receives == 1


def test_a_queue_that_is_away_leaves_nothing_in_hand() -> None:
    ground = Ground()
    ground.serve()

    class Away(MemoryIntent):
        def exchange(self, *_args: object) -> Any:
            raise IntentUnavailableError("away")

    guarded = GuardedIntent(Away(ground.clock, RETENTION_S), ground.post)
    with pytest.raises(IntentUnavailableError):
        guarded.exchange((), [Claim("a", "w", 1, 60.0, 3)])
    ground.look(40)
    assert not ground.protected
    assert guarded.send([envelope()]) == 1


def test_a_runner_on_an_instance_ends_when_the_machine_goes_and_says_what_it_did() -> None:
    ground = Ground(DutySettings(look_interval_s=0.01))
    world, worker, guarded = worker_behind(ground, lambda _work: Completed({"a": 1}))
    reported: list[TbieError] = []
    bell = threading.Event()
    runner = Runner(
        worker,
        world.truth,
        guarded,
        ground.clock,
        world.settings,
        lambda _seconds: bell.wait(0.01),
        report=lambda problem: reported.append(problem) if isinstance(problem, TbieError) else None,
        note=ground.post.body,
    )
    ground.post.begin(runner.stop, lambda: world.intent.release_owner(worker.name), lambda: worker.held)
    life = threading.Thread(target=runner.run)
    with ground.post.watching():
        life.start()
        while worker.done < 3:
            bell.wait(0.01)
            ground.clock.advance_ms(10)
        ground.scaling.interrupt(ground.instance)
        life.join(20)
        assert not life.is_alive()
        assert ground.post.left.wait(20)
    assert reported == []
    (beat,) = [b for b in world.truth.heartbeats() if b.component == "worker"]
    assert (beat.instance, beat.body["image"]) == (f"{POOL}-{ground.instance}", "ami-0a")
    assert "phase" in beat.body
