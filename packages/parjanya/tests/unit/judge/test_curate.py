"""Verdicts: what is kept, what is not, and that nothing passes in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parjanya.policy.decide import decide
from parjanya.policy.first import FIRST
from parjanya.policy.rules import Check, Policy, Rule
from parjanya.policy.signals import SIGNALS, signals_of
from parjanya.stages import curate
from tbie.core.fingerprint import canonical_json
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed
from tbie.execution import Work

GOOD: dict[str, Any] = {
    "width": 4000, "height": 3000, "sharpness": 0.6, "subject_sharpness": 0.65, "exposure.median": 0.45,
    "exposure.p05": 0.05, "exposure.p95": 0.9, "clipped_highlights": 0.0, "clipped_shadows": 0.0, "medium": "photo",
    "medium.confidence": 0.9, "group.kind": "none", "group.size": 1, "group.best": True, "group.best_name": "none",
}  # fmt: skip


def judged(**changed: Any) -> dict[str, Any]:
    return decide(FIRST, {**GOOD, **{name.replace("__", "."): value for name, value in changed.items()}})


def codes(decision: Mapping[str, Any]) -> list[str]:
    return [reason["code"] for reason in decision["reasons"]]


def test_a_good_photograph_is_kept_with_a_positive_reason() -> None:
    decision = judged()
    assert (decision["verdict"], decision["label"], decision["rating"]) == ("keep", "Green", 5)
    assert "sharp (0.65)" in decision["reasons"][0]["text"]


def test_a_plain_photograph_is_kept_with_fewer_stars() -> None:
    assert judged(subject_sharpness=0.45, exposure__median=0.1)["rating"] == 3
    assert judged(subject_sharpness=0.45)["rating"] == 4


@pytest.mark.parametrize(
    ("changed", "verdict", "code"),
    [
        ({"medium": "screenshot"}, "reject", "medium.not_a_photo"),
        ({"medium": "unsure"}, "review", "medium.unsure"),
        ({"subject_sharpness": 0.1}, "reject", "blur.severe"),
        ({"subject_sharpness": 0.3}, "review", "blur.soft"),
        ({"exposure__p95": 0.01}, "reject", "exposure.black"),
        ({"exposure__p95": 0.15}, "review", "exposure.under"),
        ({"exposure__p05": 0.99}, "reject", "exposure.white"),
        ({"exposure__p05": 0.8}, "review", "exposure.over"),
        ({"clipped_highlights": 0.4}, "review", "clipping.highlights"),
        ({"clipped_shadows": 0.7}, "review", "clipping.shadows"),
        ({"width": 200}, "review", "resolution.tiny"),
        ({"height": 200}, "review", "resolution.tiny"),
        ({"group__best": False, "group__kind": "exact"}, "reject", "duplicate.exact"),
        ({"group__best": False, "group__kind": "burst"}, "reject", "duplicate.burst"),
        ({"group__best": False, "group__kind": "near_duplicate"}, "review", "duplicate.near"),
    ],
)
def test_each_fault_has_its_verdict_and_its_code(changed: dict[str, Any], verdict: str, code: str) -> None:
    decision = judged(**changed)
    assert decision["verdict"] == verdict
    assert code in codes(decision)
    assert decision["rating"] == {"reject": -1, "review": 2}[verdict]


def test_a_frame_that_lost_names_the_better_one() -> None:
    decision = judged(group__best=False, group__kind="burst", group__size=5, group__best_name="IMG_2.JPG")
    assert decision["reasons"][0]["text"] == "burst of 5: IMG_2.JPG is better"


def test_the_best_of_a_burst_is_kept() -> None:
    assert judged(group__best=True, group__kind="burst", group__size=5, group__best_name="x")["verdict"] == "keep"


def test_the_worst_verdict_wins_and_every_reason_is_listed_worst_first() -> None:
    decision = judged(width=100, subject_sharpness=0.1, medium="unsure")
    assert decision["verdict"] == "reject"
    assert codes(decision)[0] == "blur.severe"
    assert {"medium.unsure", "blur.soft", "resolution.tiny"} <= set(codes(decision))


def test_a_reason_carries_what_was_measured_and_the_limit() -> None:
    (reason,) = (r for r in judged(subject_sharpness=0.3)["reasons"] if r["code"] == "blur.soft")
    assert reason["evidence"] == {"subject_sharpness": 0.3, "subject_sharpness limit": 0.33}


DECIDING = sorted({check.signal for rule in FIRST.rules for check in rule.when} - {"group.kind"})


@pytest.mark.parametrize("signal", DECIDING)
def test_an_image_is_never_kept_when_a_signal_that_decides_is_missing(signal: str) -> None:
    decision = decide(FIRST, {**GOOD, signal: None})
    assert decision["verdict"] == "review"
    assert "signal_unknown" in codes(decision)
    assert any(f"{signal} unknown" in r["text"] for r in decision["reasons"])


@given(missing=st.sets(st.sampled_from(DECIDING), min_size=1))
def test_no_set_of_missing_signals_lets_an_image_pass(missing: set[str]) -> None:
    assert decide(FIRST, {k: v for k, v in GOOD.items() if k not in missing})["verdict"] == "review"


@given(
    st.fixed_dictionaries(
        {name: st.one_of(st.none(), st.floats(), st.text(max_size=5), st.booleans()) for name in GOOD}
    )
)
def test_any_signals_at_all_get_a_verdict_and_only_known_good_ones_are_kept(signals: dict[str, Any]) -> None:
    facts = signals_of({"observe": {"medium": signals["medium"]}, "quality": {}})
    assert decide(FIRST, facts)["verdict"] != "keep"
    decision = decide(FIRST, signals)
    assert decision["verdict"] in ("keep", "review", "reject")
    if decision["verdict"] == "keep":
        assert signals["medium"] == "photo"
        assert all(signals[name] is not None for name in DECIDING)


def test_no_facts_at_all_mean_review() -> None:
    work = Work(ItemKey("t", "i"), "curate", 1, curate.VERSION, Address("file", "/a"), {}, {})
    (outcome,) = curate.make_batch_handler()([work])
    assert isinstance(outcome, Completed)
    assert outcome.facts["verdict"] == "review"
    canonical_json(dict(outcome.facts))


def test_a_number_that_is_not_one_is_unknown() -> None:
    assert signals_of({"quality": {"subject_sharpness": float("nan")}})["subject_sharpness"] is None


def test_an_image_that_is_alone_has_no_kind_of_group_and_that_is_known() -> None:
    facts = {"group": {"kind": None, "best": True, "size": 1, "best_name": None}}
    assert signals_of(facts)["group.kind"] == "none"
    assert signals_of({})["group.kind"] is None


def test_the_version_follows_every_number_and_word_of_the_rules() -> None:
    first = FIRST.rules[0]
    for rule in (
        replace(first, text="other"),
        replace(first, verdict="review"),
        replace(first, when=(Check("width", "<", 1.0),)),
    ):
        changed = replace(FIRST, rules=(rule, *FIRST.rules[1:]))
        assert changed.version != FIRST.version
        assert curate.version_of(changed) != curate.VERSION


def test_a_policy_that_could_pass_anything_in_silence_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="no signal"):
        Check("beauty", ">", 1.0)
    with pytest.raises(ValueError, match="without rules"):
        Policy("empty", (), (), "")
    with pytest.raises(ValueError, match="only object"):
        Policy("soft", (Rule("a", "a", "keep", (), "a"),), (), "")
    with pytest.raises(ValueError, match="twice"):
        Policy("twin", (FIRST.rules[0], FIRST.rules[0]), (), "")


def test_every_signal_is_read_from_the_facts_of_a_stage() -> None:
    assert {path[0] for path in SIGNALS.values()} == {"technical", "quality", "observe", "group"}
