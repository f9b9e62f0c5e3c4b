"""What a worker refuses to run, and how the row is put right; messages of paused classes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.keys import Address
from tbie.core.outcome import Completed, Facts, Outcome, Retry
from tbie.core.reading import Known
from tbie.execution import Work
from tbie.intent import Claim
from tbie.pause import PAUSE, FailureClass, Pause
from tbie.testing.builders import (
    BUCKET,
    RETENTION_S,
    WHO,
    World,
    chain,
    gallery,
    item_of,
    key,
    new_item,
    record_of,
    settle,
    stage,
)
from tbie.truth import Item, Reset, StageRecord, StageState
from tbie.worker import settle_death
from tbie.worker.guards import PutRight, Run, Superseded, guard
from tbie.workflow import Workflow

HERE, THERE = Address(BUCKET, "i1"), Address(BUCKET, "elsewhere")


class Counting:
    """A handler that completes, and counts."""

    def __init__(self, outcome: Outcome | None = None) -> None:
        self.outcome = outcome
        self.ran: list[Work] = []

    def __call__(self, work: Work) -> Outcome:
        self.ran.append(work)
        return self.outcome or Completed({work.stage: 1})


def a_world(workflow: Workflow | None = None) -> World:
    workflow, clock, ids = workflow or chain("a", "b"), ManualClock(), SequentialIds()
    return World(workflow, MemoryTruth(workflow, clock, ids), MemoryIntent(clock, RETENTION_S), clock, ids)


def misroute(world: World) -> None:
    """The one message of stage a points elsewhere, as in incident 4."""
    (message,) = world.intent.exchange((), (Claim("a", "thief", 1, 60.0, 9),))
    world.intent.purge("a")
    world.intent.send([message.envelope._replace(address=THERE)])


def make_dirty(world: World, **records: tuple[StageState, Facts | None]) -> None:
    """Write rows behind the store's back, as a script on the database would."""
    assert isinstance(world.truth, MemoryTruth)
    item = item_of(world.truth, key())
    stages = dict(item.stages)
    for name, (state, facts) in records.items():
        old = stages.get(name) or StageRecord(name, state, "v1", 1, "", 1, 0, 0)
        stages[name] = old._replace(state=state, facts=facts)
    world.truth._items[key()] = Item(item.key, item.address, item.attributes, item.created_ms, stages)


def test_a_stage_that_cannot_say_whether_it_applies_is_a_failure_of_the_item_and_not_of_its_worker() -> None:
    def raises(facts: Mapping[str, Facts]) -> str | None:
        return str(facts["a"]["of_a_newer_version"])

    world = a_world(Workflow("two", (stage("a"), stage("b", "a", eligible=raises))))
    world.add([new_item("i1")])
    world.reconciler().step()
    assert world.worker("w", Counting()).step().committed == 1
    record = record_of(world.truth, key(), "a")
    assert (record.state, record.reason) == (StageState.FAILED, "result_not_storable")
    assert "of_a_newer_version" in str(record.evidence)


def test_an_intent_with_a_wrong_address_is_not_run_and_the_right_one_follows_at_once() -> None:
    world, handler = a_world(), Counting()
    world.add([new_item()])
    control, worker = world.reconciler(), world.worker("w", handler)
    control.step()
    misroute(world)
    stepped = worker.step()
    assert (stepped.claimed, stepped.put_right, handler.ran) == (1, 1, [])
    assert world.truth.history(key())[-1].cause.why == "misrouted_intent"
    assert control.step().emitted.sent == 1, "by the stream, without any sweep"
    worker.step()
    assert [work.address for work in handler.ran][:1] == [HERE]
    assert record_of(world.truth, key(), "a").attempts == 1, "the wrong intent has cost no attempt"


def test_a_sweep_sees_a_wrong_address_before_any_worker_does() -> None:
    world = a_world()
    world.add([new_item()])
    control = world.reconciler()
    control.step()
    misroute(world)
    assert control.step(force_sweep=True).emitted.superseded == 1
    presence = world.intent.presence("a", [key()])
    assert isinstance(presence, Known)
    assert presence.value[key()].address == HERE


@pytest.mark.parametrize(
    "records",
    [
        {"a": (StageState.PENDING, {"a": "left over"})},
        {"b": (StageState.COMPLETED, {"b": "left over"})},
        {"b": (StageState.FAILED, None)},
    ],
)
def test_a_row_with_something_left_from_before_is_reset_to_a_clean_boundary_first(
    records: dict[str, tuple[StageState, Facts | None]],
) -> None:
    world, handler = a_world(), Counting()
    world.add([new_item()])
    control, worker = world.reconciler(), world.worker("w", handler)
    control.step()
    make_dirty(world, **records)
    stepped = worker.step()
    assert (stepped.put_right, handler.ran) == (1, [])
    assert world.truth.history(key())[-1].cause.why == "dirty_retry"
    record = record_of(world.truth, key(), "a")
    assert (record.state, record.generation, record.facts) == (StageState.PENDING, 2, None)
    world.heal(handler)
    assert {r.state for r in item_of(world.truth, key()).stages.values()} == {StageState.COMPLETED}
    assert all("left over" not in str(r.facts) for r in item_of(world.truth, key()).stages.values())


def test_a_guard_tells_what_is_superseded_from_what_may_run() -> None:
    world = a_world()
    world.add([new_item()])
    world.reconciler().step()
    (message,) = world.intent.exchange((), (Claim("a", "w", 1, 60.0, 9),))
    item, envelope = item_of(world.truth, key()), message.envelope
    assert isinstance(guard(envelope, item, world.workflow, "w"), Run)
    assert isinstance(guard(envelope._replace(token="other"), item, world.workflow, "w"), Superseded)
    assert isinstance(guard(envelope._replace(generation=2), item, world.workflow, "w"), Superseded)
    assert isinstance(guard(envelope, None, world.workflow, "w"), Superseded)
    assert isinstance(guard(envelope._replace(address=THERE), item, world.workflow, "w"), PutRight)


def pause(world: World, reason: str, probe: str = "", healed: bool = False) -> None:
    of, now = FailureClass("t1", "a", reason), world.clock.now_ms()
    body = Pause(of, now, now + 20_000, 1, probe, "i1", 0, healed).body()
    assert world.truth.write_document(PAUSE, of.name, body, None) is not None


def put_off(world: World) -> World:
    """One item that was tried once and put off."""
    world.add([new_item()])
    world.reconciler().step()
    first = world.worker("first", Counting(Retry("no_network")))
    first.step()
    first.flush()
    world.clock.advance_ms(5_000)
    return world


def tried(world: World, outcome: Outcome | None = None) -> tuple[int, int]:
    """How often another worker ran it, and how many messages it held back."""
    handler = Counting(outcome)
    worker = world.worker("second", handler)
    held = worker.step().held
    worker.flush()
    return len(handler.ran), held


def test_a_row_of_a_paused_class_is_held_untried() -> None:
    world = put_off(a_world())
    pause(world, "no_network")
    assert tried(world) == (0, 1)
    world.clock.advance_ms(19_999)
    assert world.worker("later").step().claimed == 0
    presence = world.intent.presence("a", [key()])
    assert isinstance(presence, Known)
    assert presence.value[key()].receives == 1, "the receive that was held does not count"


def test_the_probe_another_reason_and_a_pause_that_is_over_hold_nobody() -> None:
    for reason, is_probe, healed in (
        ("no_network", True, False),
        ("disk_full", False, False),
        ("no_network", False, True),
    ):
        world = put_off(a_world(chain("a")))
        token = record_of(world.truth, key(), "a").token
        pause(world, reason, token if is_probe else "", healed)
        assert tried(world) == (1, 0)


def test_attempts_that_fail_into_a_paused_class_use_up_no_receive() -> None:
    world = put_off(a_world(chain("a", max_receives=2)))
    pause(world, "no_network", probe=record_of(world.truth, key(), "a").token)
    for _ in range(5):  # far more than the receives there are
        assert tried(world, Retry("no_network")) == (1, 1)
        world.clock.advance_ms(21_000)
    record = record_of(world.truth, key(), "a")
    assert (record.state, record.attempts) == (StageState.PENDING, 6)


def test_results_that_came_too_late_are_counted_for_the_heartbeat() -> None:
    world = a_world()
    world.add([new_item()])
    world.reconciler().step()
    (message,) = world.intent.exchange((), (Claim("a", "thief", 1, 60.0, 9),))
    world.heal()
    world.intent.send([message.envelope])  # delivered once more
    worker = world.worker("late")
    worker.step()
    assert (worker.claimed, worker.superseded, worker.last_superseded_ms) == (1, 1, world.clock.now_ms())


def test_the_death_of_an_older_programs_worker_frees_its_messages_although_its_stage_is_gone() -> None:
    world = a_world()
    world.add([new_item("i1")])
    world.reconciler().step()
    (message,) = world.intent.exchange((), (Claim("a", "old-1", 1, 60.0, 3),))
    token = message.envelope.token
    assert settle_death("old-1", (token,), chain("b"), world.truth, world.intent, "worker_died", {}) == 1
    assert record_of(world.truth, key(), "a").state is StageState.PENDING


def test_what_was_run_ahead_on_facts_that_were_replaced_meanwhile_is_run_again_on_the_new_ones() -> None:
    """Found by the simulation: the stage run ahead had been given a result that a replay took back before the commit."""
    world = a_world(gallery())
    world.add([new_item()])
    control = world.reconciler()
    for name in ("read", "measure"):
        settle(world.truth, key(), name)
    control.step()
    given: list[object] = []

    def run(work: Work) -> Outcome:
        if work.stage == "look":  # somebody replays measure, and another worker is done with it, before we commit
            world.truth.commit([Reset(key(), "measure", WHO)])
            settle(world.truth, key(), "measure", Completed({"measure": "new"}))
        if work.stage == "judge":
            given.append(work.facts["measure"]["measure"])
        return Completed({work.stage: 1})

    worker = world.worker("w", run)
    while worker.step().claimed:
        pass
    assert record_of(world.truth, key(), "look").state is StageState.COMPLETED
    assert record_of(world.truth, key(), "judge").state is StageState.PENDING
    control.step()
    while worker.step().claimed:
        pass
    assert record_of(world.truth, key(), "judge").state is StageState.COMPLETED
    assert given[-1] == "new"
    assert len(given) == 2
