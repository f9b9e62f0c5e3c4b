"""Invariant 11: one tenant's burst does not delay another tenant's first item by more than a bounded share.

Bounds are in passes and messages, not in seconds: how many passes until the item has its intent, and how many messages
are handed out before it. Mutants it catches, tried by hand: a stream without the express lane; a queue that hands out in
the order of arrival; a stream that reads to its end before anything else has its turn.
"""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.settings import Settings
from tbie.intent import Claim
from tbie.testing.builders import World, chain, key, new_item, new_items
from tbie.testing.chaos import Stores

BATCH, EXPRESS = 10, 8


def a_world(stores: Stores) -> World:
    workflow, clock, ids = chain("a"), ManualClock(), SequentialIds()
    truth, intent = stores.make(workflow, clock, ids)
    small = Settings(
        stream_batch=BATCH, stream_batches=2, sweep_page=10, sweep_share_pages=1, express_lane_items=EXPRESS
    )
    return World(workflow, truth, intent, clock, ids, small)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    flood=st.integers(50, 300),
    tenants=st.integers(1, 3),
    late_ms=st.sampled_from((0, 5_000, 11_000)),
    passes_before=st.integers(0, 5),
    claimed_before=st.integers(0, 20),
)
def test_a_flood_delays_another_tenants_first_item_by_one_pass_and_two_turns(
    stores: Stores, flood: int, tenants: int, late_ms: int, passes_before: int, claimed_before: int
) -> None:
    world = a_world(stores)
    control = world.reconciler()
    control.step(force_sweep=True)
    for number in range(tenants):
        world.add(new_items(flood, f"flood{number}"))
    world.clock.advance_ms(late_ms)  # a sweep may be due, and in the way
    for _ in range(passes_before):
        control.step()
    for _ in range(claimed_before):
        world.intent.exchange((), (Claim("a", "w", 1, 600.0, 3),))
    world.add([new_item("first", "quiet")])
    control.step()
    before = 0
    while True:
        messages = world.intent.exchange((), (Claim("a", "w", 1, 600.0, 3),))
        if messages and messages[0].envelope.key == key("first", "quiet"):
            break
        before += 1
        assert before <= 2 * tenants, "its turn comes after this turn and the next of each tenant"
    world.truth.close()
    world.intent.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(flood=st.integers(50, 200), busy=st.integers(1, 5))
def test_a_flood_that_goes_on_starves_no_sweep(stores: Stores, flood: int, busy: int) -> None:
    world = a_world(stores)
    control = world.reconciler()
    world.add(new_items(busy * 10, "lost"))
    while control.step().more:
        pass
    world.intent.purge()
    world.clock.advance_ms(11_000)
    for number in range(2 + flood // 5):
        world.add(new_items(60, f"flood{number}"))  # more than a pass reads
        if control.step().swept is not None:
            break
    else:
        raise AssertionError("the sweep never finished")
    reading = world.intent.presence("a", [item.key for item in world.truth.items("lost")])
    assert len(getattr(reading, "value", {})) == busy * 10, "what was lost is there again"
    world.truth.close()
    world.intent.close()


def test_a_pass_reads_a_bounded_part_of_a_flood_before_anything_else_has_its_turn(stores: Stores) -> None:
    world = a_world(stores)
    control = world.reconciler()
    control.step(force_sweep=True)
    world.add(new_items(300, "flood"))
    done = control.step()
    assert 0 < done.read <= 2 * 2 * BATCH, "two batches before the sweep's share, two after it"
    assert done.more
    world.truth.close()
    world.intent.close()
