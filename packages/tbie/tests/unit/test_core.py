"""Settings that contradict each other, fingerprints, identifiers and clocks."""

from __future__ import annotations

import math
import os
from dataclasses import Field, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbie.core.clock import ManualClock, SystemClock
from tbie.core.errors import SettingsError
from tbie.core.fingerprint import canonical_json, fingerprint
from tbie.core.ids import RandomIds, SequentialIds
from tbie.core.reading import Depth
from tbie.core.settings import CONTRADICTIONS, MAY_BE_ZERO, Contradiction, Settings


def test_the_defaults_contradict_nothing() -> None:
    settings = Settings()
    assert settings.silence_s == settings.heartbeat_interval_s * settings.heartbeat_cycles
    settings.check_stage("a", settings.visibility_timeout_s / settings.visibility_margin_ratio)


def test_retention_shorter_than_an_outage_is_refused_with_its_incident() -> None:
    with pytest.raises(SettingsError, match=r"retention_s=60 .*outage_window_s=120.*intent_expired.*Raise retention_s"):
        Settings(retention_s=60, outage_window_s=120)


def test_a_sweep_rarer_than_leases_end_is_refused_with_its_incident() -> None:
    with pytest.raises(SettingsError, match=r"visibility_timeout_s=60 .*sweep_interval_s=90.*truth_without_intent"):
        Settings(sweep_interval_s=90, visibility_timeout_s=60)


def test_a_stage_that_outlasts_its_lease_is_refused_with_its_incident() -> None:
    with pytest.raises(SettingsError, match=r"'slow' may run 41 s .*intent_destroyed_early"):
        Settings(visibility_timeout_s=60).check_stage("slow", 41)


@pytest.mark.parametrize(
    "name", ["visibility_timeout_s", "sweep_interval_s", "poll_interval_s", "heartbeat_interval_s", "idle_exit_s"]
)
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_an_interval_must_be_positive(name: str, value: float) -> None:
    with pytest.raises(SettingsError):
        Settings(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", CONTRADICTIONS, ids=lambda limit: f"{limit.small}<{limit.large}")
def test_settings_that_contradict_each_other_are_refused_with_the_incident_they_would_cause(
    limit: Contradiction,
) -> None:
    given = {limit.large: getattr(Settings(), limit.small) * (1 if limit.strictly else 0.99)}
    if limit.large == "retention_s":  # the default outage window is longer than anything that a message waits for
        given["outage_window_s"] = min(given["retention_s"], Settings().outage_window_s)
        if limit.small == "outage_window_s":
            given["outage_window_s"] = Settings().outage_window_s
    with pytest.raises(SettingsError) as refused:
        Settings(**given)
    words = str(refused.value)
    assert words.startswith(f"{limit.large}={given[limit.large]:g} ")
    assert f"{limit.small}=" in words
    assert f"(incident {limit.incident}). {limit.remedy}." in words


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
@pytest.mark.parametrize("value", [math.nan, math.inf, -1, "1", True, None])
def test_a_setting_is_a_finite_number_that_is_not_negative(field: Field[float], value: object) -> None:
    with pytest.raises(SettingsError, match=field.name):
        Settings(**{field.name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("field", [f for f in fields(Settings) if f.name not in MAY_BE_ZERO], ids=lambda f: f.name)
def test_a_zero_that_would_be_a_standstill_is_refused(field: Field[float]) -> None:
    with pytest.raises(SettingsError, match=field.name):
        Settings(**{field.name: 0})


def test_a_zero_that_means_something_is_taken() -> None:
    for name in MAY_BE_ZERO - {"reset_cooldown_s"}:
        assert getattr(Settings(**{name: 0}), name) == 0
    assert Settings(reset_cooldown_s=0, pause_window_s=0).reset_cooldown_s == 0


def test_a_margin_below_one_is_refused_with_its_incident() -> None:
    with pytest.raises(SettingsError, match="intent_destroyed_early"):
        Settings(visibility_margin_ratio=0.9)


def test_every_duration_carries_its_unit() -> None:
    unitless = {"visibility_margin_ratio", "stream_batch", "sweep_page", "heartbeat_cycles", "min_blind_workers"}
    counted = {
        *("express_lane_items", "stream_batches", "sweep_share_pages", "pause_failure_count", "reset_budget_count"),
        *("ledger_rows", "campaign_open_items", "disk_headroom_bytes"),
    }
    assert {field.name for field in fields(Settings) if not field.name.endswith("_s")} == unitless | counted


well_formed = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | well_formed,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(well_formed, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(well_formed, plain_json, min_size=1))
def test_a_fingerprint_does_not_depend_on_order(components: dict[str, object]) -> None:
    assert fingerprint(dict(reversed(list(components.items())))) == fingerprint(components)


def test_a_fingerprint_sees_which_component_has_which_value() -> None:
    assert fingerprint({"code": "1", "model": "2"}) != fingerprint({"code": "2", "model": "1"})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})
    assert fingerprint({"a": None}) != fingerprint({})


def test_the_form_of_a_fingerprint_is_pinned() -> None:
    assert canonical_json({"b": 1, "a": ["☂", True]}) == '{"a":["☂",true],"b":1}'
    assert fingerprint({"a": 1}) == "1:015abd7f5cc57a2d", "stored fingerprints must stay comparable"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_json_has_no_fingerprint(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        fingerprint({"a": value})


def test_identifiers_never_repeat_within_or_across_sources() -> None:
    one, two = RandomIds(), RandomIds()
    tokens = [source.token() for _ in range(1_000) for source in (one, two)]
    assert len(set(tokens)) == 2_000


def test_a_forked_child_does_not_repeat_its_parents_identifiers() -> None:
    ids = RandomIds()
    ids.token()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, " ".join(ids.token() for _ in range(5)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    theirs = os.read(reader, 4_096).decode().split()
    os.close(reader)
    ours = [ids.token() for _ in range(5)]
    assert len(theirs) == 5
    assert not set(theirs) & set(ours)


def test_sequential_identifiers_are_readable() -> None:
    ids = SequentialIds("x")
    assert [ids.token() for _ in range(3)] == ["x1", "x2", "x3"]


def test_a_manual_clock_moves_only_forward_and_only_when_told() -> None:
    clock = ManualClock(1_000)
    assert (clock.now_ms(), clock.now_ms(), clock.monotonic_s()) == (1_000, 1_000, 1.0)
    clock.advance_ms(500)
    assert (clock.now_ms(), clock.monotonic_s()) == (1_500, 1.5)
    with pytest.raises(ValueError, match="only moves forward"):
        clock.advance_ms(-1)


def test_the_clock_of_the_machine_gives_milliseconds_and_does_not_go_back() -> None:
    clock = SystemClock()
    assert 1_500_000_000_000 < clock.now_ms() < 10_000_000_000_000
    assert clock.monotonic_s() <= clock.monotonic_s()


def test_dead_letters_are_not_live() -> None:
    assert Depth(1, 2, 3, 40, None).live == 6


@pytest.mark.parametrize("name", ["stream_batch", "sweep_page", "heartbeat_cycles"])
def test_a_count_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings(**{name: 0})
