"""The built-in policy ``culling``."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parjanya.policy import SEVERITY, SIGNALS, builtin, decide, read_signals
from parjanya.stages.curate import judge

CULLING = builtin("culling")

GOOD: dict[str, dict[str, Any]] = {
    "technical": {"width": 6000, "height": 4000, "exif": {"make": "X", "model": "Y"}},
    "observe": {"medium": "photo", "confidence": 0.97},
    "quality": {
        "sharpness": 0.6,
        "subject_sharpness": 0.7,
        "exposure": {"mean": 0.4, "median": 0.4, "p05": 0.1, "p95": 0.8},
        "clipped_highlights": 0.0,
        "clipped_shadows": 0.0,
        "noise": 1.0,
    },
    "group": {"group": None, "kind": None, "best": True, "best_item": None, "differences": []},
}


def with_changes(**changes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {stage: {**facts, **changes.get(stage, {})} for stage, facts in GOOD.items()}


def verdict(**changes: dict[str, Any]) -> tuple[object, list[str]]:
    judged = judge(CULLING, with_changes(**changes))
    reasons = judged["reasons"]
    assert isinstance(reasons, list)
    return judged["verdict"], [reason["code"] for reason in reasons]


def burst(best: bool, mine: float, other: float) -> dict[str, Any]:
    differences = [] if best else [{"measure": "sharpness", "this": mine, "best": other, "text": "sharper"}]
    return {"group": "g", "kind": "burst", "best": best, "best_item": "other", "differences": differences}


def test_a_sharp_well_exposed_photograph_is_kept_and_the_reason_says_so() -> None:
    assert verdict() == ("keep", ["sharp_and_exposed"])


@pytest.mark.parametrize(
    ("changes", "expected", "code"),
    [
        ({"quality": {"subject_sharpness": 0.1}}, "reject", "severe_blur"),
        ({"quality": {"subject_sharpness": 0.3}}, "review", "soft"),
        ({"quality": {"exposure": {"median": 0.02, "p95": 0.05}}}, "reject", "black_frame"),
        ({"quality": {"exposure": {"median": 0.08, "p95": 0.15}}}, "review", "very_dark"),
        ({"quality": {"clipped_highlights": 0.8}}, "reject", "washed_out"),
        ({"quality": {"clipped_highlights": 0.3}}, "review", "blown_highlights"),
        ({"quality": {"clipped_shadows": 0.5}}, "review", "blocked_shadows"),
        ({"technical": {"width": 200, "height": 300}}, "review", "very_small"),
        ({"observe": {"medium": "unsure", "confidence": 0.4}}, "review", "medium_unsure"),
        ({"observe": {"medium": "slide", "confidence": 0.5}}, "review", "perhaps_not_a_photograph"),
        ({"observe": {"medium": "slide", "confidence": 0.95}}, "review", "camera_but_not_a_photograph"),
        (
            {"observe": {"medium": "slide", "confidence": 0.95}, "technical": {"exif": {"make": None}}},
            "reject",
            "not_a_photograph",
        ),
        ({"group": burst(False, 0.5, 0.7)}, "reject", "not_best_of_burst"),
        ({"group": burst(False, 0.69, 0.7)}, "review", "burst_close_call"),
        ({"group": {**burst(False, 0.7, 0.7), "kind": "exact"}}, "reject", "exact_duplicate"),
        ({"group": {**burst(False, 0.7, 0.7), "kind": "near_duplicate"}}, "review", "near_duplicate"),
    ],
)
def test_each_rule_fires_on_what_it_is_about(changes: dict[str, Any], expected: str, code: str) -> None:
    assert verdict(**changes) == (expected, [code])


def test_the_best_of_a_burst_is_kept() -> None:
    assert verdict(group=burst(True, 0.7, 0.7))[0] == "keep"


def test_the_worst_verdict_wins_and_every_reason_is_told_the_weightiest_first() -> None:
    found, codes = verdict(quality={"subject_sharpness": 0.1, "clipped_highlights": 0.3})
    assert (found, codes) == ("reject", ["severe_blur", "blown_highlights"])


@pytest.mark.parametrize("stage", ["observe", "quality", "group"])
def test_what_was_never_measured_is_for_a_human_and_never_kept(stage: str) -> None:
    facts = {name: values for name, values in GOOD.items() if name != stage}
    judged = judge(CULLING, facts)
    assert judged["verdict"] == "review"
    reasons = judged["reasons"]
    assert isinstance(reasons, list)
    assert all(reason["code"].startswith("unknown_") for reason in reasons)


@given(st.sampled_from(sorted(SIGNALS)), st.data())
def test_losing_a_signal_never_makes_a_verdict_milder_than_review(name: str, data: st.DataObject) -> None:
    signals = read_signals(GOOD)
    signals[name] = None
    other = data.draw(st.sampled_from(sorted(SIGNALS)))
    signals[other] = None
    found, _ = decide(CULLING, signals)
    undecided = any(rule.test(signals) is None for rule in CULLING.rules)
    assert (SEVERITY[found] >= SEVERITY["review"]) == undecided


def test_people_give_five_stars_the_policy_does_not() -> None:
    assert judge(CULLING, GOOD)["rating"] == 4
    assert judge(CULLING, with_changes(quality={"subject_sharpness": 0.5}))["rating"] == 3
    assert judge(CULLING, with_changes(quality={"subject_sharpness": 0.1}))["rating"] == -1


def test_a_reason_names_the_better_file_exactly_as_it_is_called() -> None:
    facts = with_changes(group={**burst(False, 0.5, 0.7), "best_name": "IMG_0_1.jpg"})
    reasons = judge(CULLING, facts)["reasons"]
    assert isinstance(reasons, list)
    assert reasons[0]["text"] == "IMG_0_1.jpg of the same burst is sharper by 0.20"


PERSON: dict[str, Any] = {
    "medium": "photo",
    "medium_sure": "certain",
    "genre": "portrait",
    "people": "1",
    "faces": "all",
    "eyes": "open",
    "expression": "good",
    "focus_on_subject": "yes",
}


@pytest.mark.parametrize(
    ("seen", "expected", "code"),
    [
        ({}, "keep", "sharp_and_exposed"),
        ({"eyes": "all_closed"}, "reject", "eyes_closed"),
        ({"eyes": "all_closed", "genre": "landscape"}, "review", "eyes_perhaps_closed"),
        ({"eyes": "all_closed", "people": "0"}, "review", "eyes_perhaps_closed"),
        ({"eyes": "all_closed", "expression": "na"}, "review", "eyes_perhaps_closed"),
        ({"eyes": "some_closed"}, "review", "eyes_perhaps_closed"),
        ({"eyes": "unsure"}, "keep", "sharp_and_exposed"),
        ({"medium": "poster"}, "review", "model_sees_no_photograph"),
        ({"focus_on_subject": "missed"}, "review", "focus_missed"),
    ],
)
def test_what_a_model_sees_counts_where_it_has_looked(seen: dict[str, Any], expected: str, code: str) -> None:
    model = {"observation": {**PERSON, **seen}, "grades": {}}
    assert verdict(observe={"model": model}) == (expected, [code])


def test_the_evidence_of_a_reason_is_what_it_rests_on_and_the_constants_it_was_compared_with() -> None:
    (reason,) = decide(CULLING, read_signals(with_changes(quality={"subject_sharpness": 0.1}))).reasons
    assert reason.evidence == {"subject_sharpness": 0.1, "severe_blur_below": 0.18}
