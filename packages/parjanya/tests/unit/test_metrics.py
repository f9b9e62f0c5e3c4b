"""Metrics: the page says what the scrape gives; nothing unreadable is a zero; alert rules and dashboard use what exists."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from parjanya.api.metrics import TbieCollector
from parjanya.home import Home
from parjanya.profiles.running import open_engine
from parjanya.profiles.system import System, open_system
from tbie.core.cause import Cause
from tbie.core.keys import Address, ItemKey
from tbie.core.settings import Settings
from tbie.truth import Heartbeat, NewItem

sys.path.insert(0, str(Path(__file__).parents[1]))
from deploy_files import METRICS_IN, alerts, functions_in, labels_in, unbalanced

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "metrics.md").read_text()
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    system = open_system(Home(tmp_path / "home"), Settings(visibility_timeout_s=300.0))
    yield system
    system.close()


def text(system: System) -> str:
    registry = CollectorRegistry()
    registry.register(TbieCollector(system))
    return generate_latest(registry).decode()


def samples(system: System) -> Samples:
    families = text_string_to_metric_families(text(system))
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


def led(system: System) -> System:
    """After one pass of an engine's reconciler."""
    running = open_engine(system, 1)
    running.reconciler.step(force_sweep=True)
    running.close()
    return system


def add(system: System, count: int) -> list[ItemKey]:
    keys = [ItemKey("t", f"i{n}") for n in range(count)]
    system.truth.add([NewItem(key, Address("file", "/nowhere"), {}) for key in keys], Cause("test", "added"))
    return keys


# -- the page


def described() -> dict[str, tuple[str, set[str], str]]:
    """Name → kind, labels and text, as the page of metrics has them."""
    found = re.findall(r"^### `(\w+)(?:\{([\w, ]+)\})?`\n(Gauge|Counter)([^#]+)", PAGE, re.MULTILINE)
    return {name: (kind.lower(), set(filter(None, labels.split(", "))), words) for name, labels, kind, words in found}


def test_the_page_and_a_scrape_name_the_same_series_of_the_same_kind_with_the_same_labels(system: System) -> None:
    scraped = text(led(system))
    kinds = dict(re.findall(r"^# TYPE (\S+) (\w+)$", scraped, re.MULTILINE))
    assert {name: kind for name, (kind, _, _) in described().items()} == kinds
    labels: dict[str, set[str]] = {}
    for name, given in samples(system):
        labels.setdefault(name, set()).update(label for label, _ in given)
    assert {name: labels for name, (_, labels, _) in described().items()} == labels


def test_a_name_carries_its_unit_and_the_page_says_it() -> None:
    for name, (kind, _, words) in described().items():
        assert (kind == "counter") is name.endswith("_total"), name
        assert name.endswith("_seconds") is bool(re.match(r"[^.]*\bseconds\b", words)), name
        assert name.endswith("_timestamp_seconds") is ("Unix time" in words), name


def test_every_series_of_a_home_at_work_was_there_at_0_from_the_start(system: System) -> None:
    fresh = samples(led(system))
    add(system, 3)
    later = samples(led(system))
    assert later.keys() >= fresh.keys()
    assert {name for name, _ in later} == {name for name, _ in fresh}


def test_before_any_reconciler_its_times_are_absent_and_its_counts_are_0(system: System) -> None:
    found = samples(system)
    assert value(found, "tbie_reconciler_last_heartbeat_timestamp_seconds") is None
    assert value(found, "tbie_reconciler_emitted_total") == 0
    assert value(found, "tbie_fleet_desired", pool="images") == 0
    assert value(found, "tbie_reconcilers", role="leader") == 0


# -- what the numbers say


def test_the_gap_is_what_is_open_without_a_message_with_its_age_and_closes_when_it_is_sent(
    system: System, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    keys = [ItemKey("t", "a"), ItemKey("t", "b")]
    address = Address("file", str(tmp_path / "a.jpg"))
    system.truth.add([NewItem(key, address, {}) for key in keys], Cause("test", "added"))
    found = samples(system)
    assert value(found, "tbie_coverage_gap", stage="technical") == 2
    oldest = value(found, "tbie_coverage_gap_oldest_seconds", stage="technical")
    assert oldest is not None
    assert 0 <= oldest < 60
    found = samples(led(system))
    assert value(found, "tbie_coverage_gap", stage="technical") == 0
    assert value(found, "tbie_coverage_gap_oldest_seconds", stage="technical") == 0
    assert value(found, "tbie_intent_messages", stage="technical", condition="visible") == 2
    assert value(found, "tbie_reconciler_emitted_total") == 2
    system.intent.purge()
    assert value(samples(system), "tbie_coverage_gap", stage="technical") == 2


def test_what_cannot_be_read_has_no_sample(system: System) -> None:
    led(system)
    add(system, 1)
    for path in system.home.root.glob("intent.db*"):
        path.unlink()
    for name in ("intent.db", "intent.db.broken"):
        (system.home.root / name / "full").mkdir(parents=True)
    found = samples(system)
    assert value(found, "tbie_intent_up") == 0
    assert not {name for name, _ in found} & {"tbie_intent_messages", "tbie_intent_oldest_visible_seconds"}
    assert value(found, "tbie_coverage_gap", stage="technical") is None


def beat(system: System, **body: object) -> None:
    system.truth.beat(Heartbeat("reconciler", "9", system.clock.now_ms(), {"role": "leader", **body}))


def test_a_pool_that_the_reconciler_could_not_read_has_no_samples(system: System) -> None:
    beat(system, fleet={"images": {"error": "no permission"}}, blind=["fleet"])
    found = samples(system)
    assert value(found, "tbie_fleet_desired", pool="images") is None
    assert value(found, "tbie_fleet_boots", pool="images", state="requested") is None
    assert value(found, "tbie_reconciler_blind_readings") == 1


def test_fleet_boots_totals_and_terms_are_what_the_leader_said(system: System) -> None:
    view = {
        "desired": 3,
        "running": 2,
        "busy": 1,
        "boot_failures": 4,
        "boots": [["w1", "started", 1], ["w2", "started", 2]],
    }
    totals = {"sent": 9, "superseded": 8, "woken": 7, "exhausted": 6, "misrouted": 5}
    beat(system, fleet={"images": view}, totals=totals, epoch=12, passes=40)
    found = samples(system)
    assert value(found, "tbie_fleet_desired", pool="images") == 3
    assert value(found, "tbie_fleet_boot_failures", pool="images") == 4
    assert value(found, "tbie_fleet_boots", pool="images", state="started") == 2
    assert value(found, "tbie_fleet_boots", pool="images", state="registered") == 0
    assert value(found, "tbie_reconciler_superseded_total") == 8
    assert value(found, "tbie_reconciler_misrouted_total") == 5
    assert value(found, "tbie_reconciler_epoch") == 12
    assert value(found, "tbie_reconcilers", role="leader") == 1


def test_of_a_large_backlog_the_fresh_count_of_the_sweep_is_taken_and_an_old_one_is_not(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parjanya.api.metrics.intent.COUNTED_HERE_ROWS", 2)
    add(system, 3)
    seen = {"technical": {"open": 3, "gap": 1, "oldest_ms": 5_000}}
    now = system.clock.now_ms()
    beat(system, coverage=seen, coverage_at_ms=now - 2_000)
    found = samples(system)
    assert value(found, "tbie_coverage_gap", stage="technical") == 1
    age, oldest = (value(found, f"tbie_coverage_{n}_seconds", stage="technical") for n in ("age", "gap_oldest"))
    assert age is not None
    assert oldest is not None
    assert 2 <= age < 60
    assert oldest == pytest.approx(5 + age)
    beat(system, coverage=seen, coverage_at_ms=now - 600_000)
    found = samples(system)
    assert value(found, "tbie_coverage_gap", stage="technical") == 3
    assert value(found, "tbie_coverage_age_seconds", stage="technical") == 0


def test_pauses_and_campaigns_are_counted_from_their_documents(system: System) -> None:
    system.truth.write_document("pause", "p", {"tenant": "t", "stage": "technical", "reason": "x"}, None)
    system.truth.write_document("campaign", "c", {"state": "running"}, None)
    found = samples(system)
    assert value(found, "tbie_pauses") == 1
    assert value(found, "tbie_campaigns", state="running") == 1
    assert value(found, "tbie_campaigns", state="done") == 0


def test_without_truth_there_is_one_series(system: System) -> None:
    system.home.truth.unlink()
    assert samples(system) == {("tbie_truth_up", frozenset()): 0}


# -- alert rules and dashboard


def panels() -> list[dict[str, Any]]:
    found = json.loads((ROOT / "deploy" / "grafana" / "parjanya.json").read_text())["panels"]
    assert isinstance(found, list)
    return found


def expressions() -> list[str]:
    shown = [target["expr"] for panel in panels() for target in panel.get("targets", [])]
    return [*(alert["expr"] for _, alert in alerts()), *shown]


def test_rules_and_dashboard_use_series_and_labels_that_a_scrape_has() -> None:
    series = described()
    used = {name for expression in expressions() for name in METRICS_IN.findall(expression)}
    assert used <= set(series)
    assert {"tbie_coverage_gap", "tbie_truth_up", "tbie_reconciler_last_heartbeat_timestamp_seconds"} <= used
    for expression in expressions():
        for name, labels in labels_in(expression):
            assert labels <= series[name][1], expression


def test_expressions_are_well_formed() -> None:
    known = {"sum", "max", "absent", "time", "delta", "rate", "deriv", "changes", "by", "on"}
    for expression in expressions():
        assert not unbalanced(expression), expression
        assert functions_in(expression) <= known, expression
        counters = re.findall(r"\b(\w+)\(\s*(tbie_\w+_total)\b", expression)
        assert all(function == "rate" for function, _ in counters), expression
        assert "_total" not in re.sub(r"rate\(\w+\[\w+\]\)", "", expression), expression


@pytest.mark.parametrize("broken", ["sum(tbie_x", 'tbie_x{a="b}', "tbie_x[5m", "(tbie_x]"])
def test_a_broken_expression_is_found(broken: str) -> None:
    assert unbalanced(broken)


def test_an_alert_says_what_it_is_where_the_fault_is_and_what_to_do() -> None:
    found = alerts()
    assert len({rule["alert"] for _, rule in found}) == len(found) >= 15
    boundaries = {"truth", "belief", "intent", "execution", "control-plane"}
    assert {group for group, _ in found} == boundaries
    for group, rule in found:
        assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smh]", rule["for"])
        assert rule["labels"]["boundary"] == group
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith(".")
        assert (ROOT / rule["annotations"]["runbook"]).is_file(), rule["annotations"]["runbook"]


def test_the_dashboard_goes_from_truth_to_the_control_plane_and_each_panel_has_title_and_unit() -> None:
    rows = [panel["title"].split(":")[0] for panel in panels() if panel["type"] == "row"]
    assert rows == ["Truth", "Belief", "Intent", "Execution", "Control plane"]
    ids = [panel["id"] for panel in panels()]
    assert len(set(ids)) == len(ids)
    for panel in panels():
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["fieldConfig"]["defaults"]["unit"]
            assert panel["targets"]
            assert all(target["expr"] and target["legendFormat"] for target in panel["targets"])
