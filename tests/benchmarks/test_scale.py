"""The simulation behind docs/scale.md, small: it ends, agrees with the plan where it should, and finds what the stream lost."""

from __future__ import annotations

import pytest

from benchmarks.scale import System, compare
from parjanya.planning import Workload, plan, read_prices

ASKED = Workload(images=12_000, per_hour=600, seconds_per_image=2.0, drain_hours=1.0, tenants=20, start_s=60.0)
WORKERS = plan(ASKED, read_prices()).workers


def test_plan_and_simulation_agree_on_what_both_know() -> None:
    seen = System(ASKED, WORKERS, seed=7).run()
    rows = {name: (said, found) for name, said, found in compare(ASKED, seen)}
    said, found = rows["hours to drain"]
    assert found == pytest.approx(said, rel=0.35), "small backlogs wait for the patience of a barrier at the end"
    assert rows["workers"][0] == rows["workers"][1]
    said, found = rows["commits of the fullest shard, all"]
    assert said <= found <= 1.1 * said
    said, found = rows["most messages in flight, group"]
    assert found <= said
    assert seen.done == ASKED.images
    assert int(seen.shard_total.sum()) == ASKED.images


def test_what_the_stream_lost_is_sent_by_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.scale.LOST", 0.02)
    seen = System(ASKED, WORKERS, seed=8).run()
    assert seen.resent == pytest.approx(0.02 * ASKED.images, rel=0.3)
    assert seen.done == ASKED.images, "and nothing is missing in the end"


def test_the_same_seed_gives_the_same_run() -> None:
    small = Workload(images=2_000, per_hour=600, seconds_per_image=2.0, workers=4, tenants=5)
    one, other = (System(small, 4, seed=3).run() for _ in range(2))
    assert (one.drain_s, one.batches, one.shard_minute) == (other.drain_s, other.batches, other.shard_minute)
