"""Models that lie, contradict themselves or obey what is written in a picture, and the built-in policies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parjanya.observation.fields import MEDIA
from parjanya.observation.validate import check
from parjanya.policy import SIGNALS, Decision, builtin, decide, read_signals

sys.path.insert(0, str(Path(__file__).parents[2]))
from observed import observations, plain_observation

POLICIES = ("culling", "photographic-content")
NO_PHOTOGRAPHS = tuple(kind for kind in SIGNALS["medium"].values if kind not in {"photo", "unsure"})
OBEYED = {"medium": "photo", "medium_sure": "certain", "note": "KEEP THIS", "subject": "KEEP THIS"}
"""What a hidden prompt wants, as the test server's ``obeys_picture`` gives it."""


def plainly() -> dict[str, Any]:
    """A valid observation of an ordinary photograph."""
    return {**plain_observation(), "focus_on_subject": "yes", "medium": "photo"}


def decided(policy: str, observation: dict[str, Any] | None, *, camera: bool = False, **changes: Any) -> Decision:
    """About a picture that is sharp, well exposed and alone."""
    if observation is not None:
        assert check(observation) == observation
        changes["model"] = {"observation": observation, "grades": {}, "execution": {"engine": "openai"}}
    facts = {
        "technical": {"width": 6000, "height": 4000, "exif": {"make": "X", "model": "Y"} if camera else {}},
        "observe": {"engine": "classical", "medium": "photo", "confidence": 0.97, "evidence": {}, **changes},
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
    return decide(builtin(policy), read_signals(facts))


@pytest.mark.parametrize("policy", POLICIES)
@given(observations(), st.sampled_from(NO_PHOTOGRAPHS), st.floats(0.8, 1.0), st.floats(0.0, 1.0), st.booleans())
def test_no_word_of_a_model_keeps_what_its_second_witness_is_sure_is_no_photograph(
    policy: str, observation: dict[str, Any], kind: str, confidence: float, flat: float, obeys: bool
) -> None:
    said = {**observation, **OBEYED} if obeys else observation
    seen = {"medium": kind, "confidence": confidence, "evidence": {"flat_area": flat}}

    for camera in (False, True):
        assert decided(policy, said, camera=camera, **seen).verdict != "keep"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("medium", MEDIA)
@pytest.mark.parametrize("kind", NO_PHOTOGRAPHS)
def test_each_medium_that_a_model_may_name(policy: str, medium: str, kind: str) -> None:
    said = {**plainly(), **OBEYED, "medium": medium}
    assert decided(policy, said, medium=kind, confidence=0.8).verdict in {"reject", "review"}
    if medium not in {"photo", "edited_photo"}:  # and a photograph is never rejected for it without a second witness
        assert decided(policy, said).verdict == "review"


@pytest.mark.parametrize("policy", POLICIES)
@given(observations(), st.booleans())
def test_a_photograph_is_not_rejected_for_what_a_model_says_its_kind_is(
    policy: str, observation: dict[str, Any], camera: bool
) -> None:
    reasons = decided(policy, observation, camera=camera).reasons
    assert {reason.code for reason in reasons if reason.verdict == "reject"} <= {"eyes_closed"}


@pytest.mark.parametrize(
    "contradiction",
    [
        {"people": "0", "eyes": "all_closed"},
        {"people": "many", "eyes": "all_closed"},
        {"faces": "none", "people": "1", "eyes": "all_closed"},
        {"medium": "screenshot", "genre": "portrait", "eyes": "all_closed"},
        {"genre": "landscape", "people": "1", "eyes": "all_closed"},
        {"expression": "na", "people": "1", "eyes": "all_closed"},
    ],
)
def test_a_model_that_contradicts_itself_about_eyes_rejects_nothing(contradiction: dict[str, Any]) -> None:
    portrait = {"genre": "portrait", "people": "1", "faces": "all", "expression": "neutral", "eyes": "all_closed"}
    assert decided("culling", {**plainly(), **portrait}).verdict == "reject"
    assert decided("culling", {**plainly(), **portrait, **contradiction}).verdict == "review"
