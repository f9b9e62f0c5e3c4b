"""A real worker behind a post: it works only in service and protected, and what it may not begin goes back."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from packages.tbie.tests.unit.aws.post_ground import POOL, Ground
from tbie.backends.aws.duty import DutySettings
from tbie.backends.aws.guarded import GuardedIntent
from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.errors import IntentUnavailableError, TbieError
from tbie.core.ids import SequentialIds
from tbie.core.outcome import Completed, Outcome
from tbie.core.reading import Depth, Known
from tbie.execution import OneByOne, Work
from tbie.intent import Claim
from tbie.testing.builders import RETENTION_S, World, chain, envelope, new_items
from tbie.worker import Worker
from tbie.worker.runner import Runner


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
