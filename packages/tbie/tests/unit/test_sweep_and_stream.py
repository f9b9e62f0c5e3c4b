"""Stream and sweep together: neither waits for the other, in terms of passes; what is noted of it, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packages.tbie.tests.unit.ground import SMALL, Ground
from tbie.core.reading import Unknown
from tbie.core.settings import Settings
from tbie.intent import Claim
from tbie.logs.truth import changes
from tbie.testing.builders import (
    chain,
    key,
    new_item,
    new_items,
    record_of,
)

FLOOD = 500


# -- neither starves


def test_one_tenants_flood_does_not_keep_another_tenants_first_item_from_the_queue() -> None:
    ground = Ground()
    ground.control.step(force_sweep=True)
    ground.world.add(new_items(FLOOD, "flood"))
    ground.world.add([new_item("first", "other")])
    done = ground.control.step()
    assert done.more, "the flood is not read yet"
    place = [envelope.key for envelope in ground.intent.sent].index(key("first", "other"))
    assert place < SMALL.stream_batch + SMALL.express_lane_items
    (message,) = ground.intent.exchange((), (Claim("a", "w", 1, 60.0, 3),))
    assert message.envelope.key.tenant == "flood"
    (message,) = ground.intent.exchange((), (Claim("a", "w", 1, 60.0, 3),))
    assert message.envelope.key == key("first", "other"), "tenants take turns, so it is the second of all"


def test_what_went_by_the_express_lane_is_not_sent_twice_as_another_intent() -> None:
    ground = Ground()
    ground.world.add(new_items(FLOOD, "flood"))
    ground.world.add([new_item("first", "other")])
    while ground.control.step().more:
        pass
    assert ground.live() == FLOOD + 1
    assert record_of(ground.truth, key("first", "other"), "a").token in {e.token for e in ground.intent.sent}


def test_a_busy_stream_does_not_starve_the_sweep() -> None:
    ground = Ground(chain("a", "b"))
    ground.world.add(new_items(30))
    while ground.control.step().more:
        pass
    ground.clock.advance_ms(60_000)
    ground.intent.purge()
    for number in range(200):  # every pass finds more changes than it may read
        ground.world.add(new_items(60, f"flood{number}"))
        done = ground.control.step()
        assert done.more
        if done.swept is not None:
            break
    else:
        raise AssertionError("the sweep never finished")
    lost = {item.key for item in ground.truth.items("t1")}
    assert lost <= {e.key for e in ground.intent.sent[60:]}, "everything that was lost was sent again"


def test_a_long_sweep_does_not_keep_the_stream_waiting() -> None:
    ground = Ground()
    ground.world.add(new_items(FLOOD))
    while ground.control.step().more:
        pass
    ground.clock.advance_ms(11_000)
    begun = ground.control.step()
    assert (begun.swept, begun.more) == (None, True)
    ground.world.add([new_item("now", "other")])
    assert ground.control.step().emitted.sent == 1
    passes, _ = ground.until_swept()
    share = SMALL.sweep_page * SMALL.sweep_share_pages
    assert passes <= FLOOD // share + 1


def test_a_queue_that_is_away_for_a_moment_costs_a_page_and_not_the_sweep() -> None:
    ground = Ground()
    ground.world.add(new_items(FLOOD))
    while ground.control.step().more:
        pass
    ground.intent.purge()
    ground.clock.advance_ms(11_000)
    blind, passes = 0, 0
    while True:
        passes += 1
        ground.intent.away = passes % 2  # every other pass
        done = ground.control.step()
        ground.intent.away = 0
        blind += bool(done.blind)
        if done.swept is not None:
            break
        assert passes < 200
    assert blind > 5
    assert ground.live() == FLOOD


def test_rows_that_the_stream_has_not_reached_are_sent_as_they_are_and_not_begun_anew() -> None:
    ground = Ground()
    ground.control.step(force_sweep=True)
    ground.world.add(new_items(FLOOD))
    seq = ground.truth.last_seq()
    ground.clock.advance_ms(11_000)
    _, done = ground.until_swept()
    assert done.swept is not None
    assert done.swept.emitted.superseded == 0
    assert ground.truth.last_seq() == seq, "no row was changed"
    assert ground.live() == FLOOD


# -- what a sweep says


def test_coverage_is_what_was_missing_before_it_was_repaired() -> None:
    ground = Ground(chain("a", "b"), Settings())
    ground.world.add(new_items(5))
    ground.control.step()
    ground.clock.advance_ms(7_000)
    (message,) = ground.intent.exchange((), (Claim("a", "thief", 1, 60.0, 9),))
    ground.intent.purge()
    ground.intent.send([message.envelope])
    ground.control.step(force_sweep=True)
    (beat,) = ground.truth.heartbeats()
    assert beat.body["coverage"] == {
        "a": {"open": 5, "gap": 4, "oldest_ms": 7_000},
        "b": {"open": 0, "gap": 0, "oldest_ms": None},
    }
    assert beat.body["coverage_at_ms"] == ground.clock.now_ms()
    ground.control.step(force_sweep=True)
    (beat,) = ground.truth.heartbeats()
    assert beat.body["coverage"]["a"] == {"open": 5, "gap": 0, "oldest_ms": None}  # type: ignore[index]


def test_a_tenant_that_appears_in_a_running_system_is_reconciled_by_stream_and_by_sweep() -> None:
    ground = Ground(settings=Settings())
    ground.control.step(force_sweep=True)
    ground.world.add([new_item("i1", "newcomer")])
    assert ground.control.step().emitted.sent == 1, "by the stream"
    ground.world.add([new_item("i2", "latecomer")])
    ground.truth.save_cursor("reconciler", ground.truth.last_seq())  # a gap: the stream is past it
    ground.control = ground.another()
    assert ground.control.step(force_sweep=True, grace_s=0.0).emitted.sent == 1, "by the sweep"
    assert {e.key.tenant for e in ground.intent.sent} == {"newcomer", "latecomer"}


def test_what_a_sweep_could_not_read_stays_said_until_a_sweep_has_read_it() -> None:
    ground = Ground(settings=Settings())
    ground.world.add(new_items(3))
    ground.control.step(force_sweep=True)
    said: list[str] = []
    before: Mapping[str, Any] = {}
    seen, ends_s = ground.intent.presence, ground.clock.monotonic_s() + 35
    ground.intent.presence = lambda *_: Unknown("access denied", "intent", 0)  # type: ignore[method-assign]
    while ground.clock.monotonic_s() < ends_s:
        ground.clock.advance_ms(100)
        ground.control.step()
        (beat,) = ground.truth.heartbeats()
        said += [event for _, event, _ in changes(before, beat.body) if event in ("blind", "sighted")]
        before = beat.body
        if ends_s - ground.clock.monotonic_s() < 12:
            ground.intent.presence = seen  # type: ignore[method-assign]
    assert said == ["blind", "sighted"], "once each, and not with every pass between two sweeps"
