"""The plan: what is asked of it, what it says, and that each number follows from those beside it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parjanya.cli.main import run
from parjanya.planning import PriceError, Workload, WorkloadError, calls, comparing, lines, plan, read_prices
from parjanya.planning.model import fleet_for, keeping_up
from parjanya.planning.prices import NAMES
from parjanya.planning.words import to_json
from parjanya.planning.workload import BOUNDS

PRICES = read_prices()


def workload(images: float = 1e6, per_hour: float = 2_000, **more: Any) -> Workload:
    return Workload(images, per_hour, **more)


def need(found: Any, name: str) -> Any:
    return next(each for each in found.needs if each.name == name)


def test_the_fleet_keeps_up_and_drains_in_the_time_that_was_asked() -> None:
    asked = workload(tenants=1_000)
    found = plan(asked, PRICES)
    assert found.workers == fleet_for(asked) >= keeping_up(asked)
    assert found.drain_hours is not None
    assert found.drain_hours <= asked.drain_hours
    fewer = plan(workload(tenants=1_000, workers=found.workers - 1), PRICES)
    assert fewer.drain_hours is None or fewer.drain_hours > asked.drain_hours


def test_a_fleet_that_does_not_keep_up_never_drains() -> None:
    found = plan(workload(per_hour=36_000, workers=5), PRICES)
    assert found.drain_hours is None
    assert not found.works
    assert "a backlog of all images: never gone" in lines(found)


def test_what_binds_is_what_is_nearest_to_its_limit() -> None:
    found = plan(workload(images=1e7, per_hour=20_000), PRICES)
    assert found.binds is not None
    assert found.binds.name == "images of one tenant compared by group", "one tenant with ten million images"
    assert found.binds.share == max(each.share or 0.0 for each in found.needs)
    assert not found.works
    assert plan(workload(images=1e5, per_hour=100, tenants=100), PRICES).works


def test_group_stops_where_its_square_fills_the_time_that_a_run_may_take() -> None:
    stops = need(plan(workload(), PRICES), "images of one tenant compared by group").allowed
    assert comparing.batch_s(stops) == pytest.approx(calls.GROUP_MAX_S)


@given(st.floats(1, 1e9), st.floats(1, 1e6), st.integers(1, 10_000), st.floats(0.01, 600))
def test_a_need_stops_at_the_rate_at_which_it_is_its_limit(
    images: float, per_hour: float, tenants: int, seconds: float
) -> None:
    found = plan(workload(images, per_hour, tenants=tenants, seconds_per_image=seconds), PRICES)
    for each in found.needs:
        assert each.need > 0
        assert each.share is None or math.isfinite(each.share)
        if each.stops_at is not None and each.of == "images/h" and "uploads" not in each.name and each.share:
            assert each.stops_at == pytest.approx(found.per_second * 3_600 / each.share, rel=1e-6), each.name
    assert all(cost.usd >= 0 for cost in (*found.per_thousand, *found.monthly))
    json.dumps(to_json(found), allow_nan=False)


def test_more_of_anything_never_costs_less() -> None:
    base = sum(cost.usd for cost in plan(workload(tenants=100), PRICES).per_thousand)
    for more in ({"facts_kb": 4.0}, {"seconds_per_image": 2.0}, {"images": 2e6}):
        assert sum(cost.usd for cost in plan(workload(**{"tenants": 100, **more}), PRICES).per_thousand) > base


@pytest.mark.parametrize("name", [name for name in BOUNDS if name != "hottest"])
def test_a_number_out_of_its_bounds_is_refused_with_them(name: str) -> None:
    least, most, what = BOUNDS[name]
    for wrong in (least - 1, most * 2, math.nan, math.inf, -math.inf, "1", True):
        with pytest.raises(WorkloadError, match=f"--{name.replace('_', '-')} must be") as refused:
            Workload(**{"images": 1.0, "per_hour": 1.0, name: wrong})  # type: ignore[arg-type]
        assert what in str(refused.value)


def test_a_largest_tenant_smaller_than_all_others_is_refused() -> None:
    with pytest.raises(WorkloadError, match="less than an equal share of 10 tenants"):
        workload(tenants=10, hottest=0.05)


# -- prices


def test_every_price_says_where_it_is_from_and_none_claims_more_than_is_known() -> None:
    assert set(PRICES.of) == set(NAMES)
    for price in PRICES.of.values():
        assert price.per
        assert price.status in ("second-hand", "from memory"), "nobody has read one at the vendor's yet"
        assert price.status == "from memory" or price.source
    told = lines(plan(workload(), PRICES))
    assert any("prices were not read at the vendor's" in line for line in told)
    assert sum("from memory" in line for line in told) >= 3


def test_prices_of_ones_own_replace_those_they_name(tmp_path: Path) -> None:
    own = {"usd": 2.0, "per": "hour", "date": "2026-11-26", "status": "vendor", "source": "the price list"}
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({"region": "eu-central-1", "written": "2026-11-26", "prices": {"worker_hour": own}}))
    found = plan(workload(), read_prices(file))
    worker = next(cost for cost in found.per_thousand if cost.name == "workers")
    assert worker.usd == pytest.approx(1_000 / 0.9 / 3_600 * 2)
    assert "(vendor, 2026-11-26)" in "\n".join(lines(found))


GOOD: dict[str, Any] = {"usd": 1, "per": "x", "date": "", "status": "from memory", "source": ""}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "larger than"),
        ("[" * 50_000, "is not JSON"),
        ("[]", 'has no "prices"'),
        ('{"prices": {"gold": {}}}', "a price that nothing asks for: 'gold'"),
        ('{"prices": {"s3_put": 5}}', "s3_put is no object"),
        (json.dumps({"prices": {"s3_put": GOOD | {"usd": "5"}}}), "costs '5'"),
        (json.dumps({"prices": {"s3_put": GOOD | {"usd": -1}}}), "costs -1"),
        ('{"prices": {"s3_put": {"usd": NaN}}}', "costs nan"),
        (json.dumps({"prices": {"s3_put": GOOD | {"usd": True}}}), "costs True"),
        (json.dumps({"prices": {"s3_put": GOOD | {"status": "surely"}}}), "say how it is known"),
        (json.dumps({"prices": {"s3_put": GOOD | {"status": "vendor"}}}), "say when .date. and where .source."),
        (json.dumps({"prices": {"s3_put": GOOD | {"source": "a\x1b[2J"}}}), "no printable text"),
        (json.dumps({"prices": {"s3_put": GOOD}}), "no printable text .* as 'region'"),
    ],
)
def test_a_file_that_is_no_list_of_prices_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "prices.json"
    file.write_text(text)
    with pytest.raises(PriceError, match=words):
        read_prices(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PriceError, match="cannot be read: no such file"):
        read_prices(tmp_path / "none.json")


# -- the command


def test_the_command_says_what_binds_and_its_exit_code_whether_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--images", "1e5", "--per-hour", "100", "--tenants", "100"]) == 0
    assert "binds first: " in capsys.readouterr().out
    assert run(["plan", "--images", "1e7", "--per-hour", "100", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["works"], told["binds"]) == (False, "images of one tenant compared by group")
    assert {each["price"]["status"] for each in told["per_thousand"]} <= {"second-hand", "from memory"}


def test_the_command_refuses_nonsense_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--images", "0", "--per-hour", "1"]) == 2
    assert "--images must be from 1" in capsys.readouterr().err
    assert run(["plan", "--images", "5", "--per-hour", "1", "--prices", "/nowhere.json"]) == 2
    assert "cannot be read" in capsys.readouterr().err
