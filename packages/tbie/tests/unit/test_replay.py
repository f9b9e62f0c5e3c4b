"""Replay counts what it changed, in groups, and a stream that could not send reads the same stretch again."""

from __future__ import annotations

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import IntentUnavailableError
from tbie.core.ids import SequentialIds
from tbie.replay import GROUP, replay
from tbie.testing.builders import RETENTION_S, WHO, World, chain, key, new_items, settle
from tbie.testing.faults import Flaky
from tbie.truth import StageState


def make_world() -> World:
    clock, workflow = ManualClock(), chain("a", "b")
    return World(workflow, MemoryTruth(workflow, clock, SequentialIds()), MemoryIntent(clock, RETENTION_S), clock)


def test_a_replay_counts_only_the_items_it_changed() -> None:
    world = make_world()
    world.add(new_items(3))
    settle(world.truth, key("i0001"), "a")
    keys = [key("i0001"), key("i0002"), key("nobody")]
    assert replay(world.truth, keys, "a", WHO, (StageState.COMPLETED,)) == 1
    assert replay(world.truth, keys, "a", WHO) == 2
    assert replay(world.truth, [], "a", WHO) == 0


def test_a_long_replay_is_committed_in_groups() -> None:
    world = make_world()
    world.add(new_items(2 * GROUP + 1))
    fault = Flaky({})
    assert replay(fault.truth(world.truth), (i.key for i in world.truth.items(limit=9_999)), "a", WHO) == 2 * GROUP + 1
    assert fault.calls["truth.commit"] == 3


def test_a_stream_that_could_not_send_reads_the_same_stretch_again() -> None:
    world = make_world()
    control = world.reconciler()
    control.step()
    world.add(new_items(3))
    fault = Flaky({"intent.send": {1: "before"}}, IntentUnavailableError)
    blinking = World(world.workflow, world.truth, fault.intent(world.intent), world.clock).reconciler()
    blinking._next_sweep_s = 1e18  # no safety net in this test
    first, second = blinking.step(), blinking.step()
    assert (first.emitted.sent, bool(first.blind)) == (0, True)
    assert (second.emitted.sent, second.blind) == (3, [])


def test_a_reconciler_that_starts_again_goes_on_where_it_was() -> None:
    world = make_world()
    control = world.reconciler()
    world.add(new_items(3))
    control.step()
    control.close()
    fresh = world.reconciler()
    assert fresh.step().read == 0
