"""The built-in policy ``photographic-content``: nothing is rejected on the word of one witness."""

from __future__ import annotations

import pytest

from parjanya.policy import SIGNALS, Value, builtin, decide

POLICY = builtin("photographic-content")
PHOTO: dict[str, Value] = {"medium": "photo", "medium_confidence": 0.95, "camera_known": False, "flat_area": 0.05}
DRAWN: dict[str, Value] = {"medium": "slide", "medium_confidence": 0.95, "camera_known": False, "flat_area": 0.7}


def seen(medium: str, sure: str = "certain") -> dict[str, Value]:
    return {"model.medium": medium, "model.medium_sure": sure}


@pytest.mark.parametrize(
    ("signals", "verdict", "code"),
    [
        (PHOTO, "keep", "photographic"),
        (DRAWN, "reject", "not_a_photograph"),
        ({**DRAWN, "flat_area": 0.2}, "review", "perhaps_not_a_photograph"),
        ({**DRAWN, "medium_confidence": 0.6}, "review", "perhaps_not_a_photograph"),
        ({**DRAWN, "camera_known": True}, "review", "perhaps_not_a_photograph"),
        ({**PHOTO, "medium": "unsure"}, "review", "medium_unsure"),
        # with a model
        ({**PHOTO, **seen("photo")}, "keep", "photographic"),
        ({**DRAWN, **seen("slide")}, "reject", "not_photographic"),
        ({**DRAWN, **seen("slide"), "flat_area": 0.1}, "reject", "not_photographic"),
        ({**PHOTO, **seen("poster"), "flat_area": 0.6}, "reject", "not_photographic"),
        ({**PHOTO, **seen("poster")}, "review", "perhaps_not_photographic"),
        ({**DRAWN, **seen("slide", "unsure")}, "review", "perhaps_not_photographic"),
        ({**DRAWN, **seen("slide"), "camera_known": True}, "review", "perhaps_not_photographic"),
        ({**PHOTO, **seen("collage")}, "review", "perhaps_not_photographic"),
        ({**DRAWN, **seen("photo")}, "review", "perhaps_not_a_photograph"),
        ({**PHOTO, "medium": "unsure", **seen("photo")}, "review", "medium_unsure"),
        ({**PHOTO, "medium": "unsure", "camera_known": True, **seen("photo")}, "keep", "photographic"),
    ],
)
def test_a_verdict_needs_witnesses_that_agree(signals: dict[str, Value], verdict: str, code: str) -> None:
    decision = decide(POLICY, signals)
    assert (decision.verdict, [reason.code for reason in decision.reasons]) == (verdict, [code])


@pytest.mark.parametrize("medium", SIGNALS["model.medium"].values)
def test_a_model_that_lies_about_a_photograph_cannot_reject_it(medium: str) -> None:
    assert decide(POLICY, {**PHOTO, **seen(medium)}).verdict in ("keep", "review")


def test_a_model_that_is_talked_into_photo_cannot_keep_what_the_pixels_speak_against() -> None:
    for kind in ("slide", "unsure"):
        assert decide(POLICY, {**DRAWN, "medium": kind, **seen("photo")}).verdict == "review"


def test_what_nobody_has_looked_at_is_for_a_human() -> None:
    decision = decide(POLICY, {})
    assert (decision.verdict, decision.reasons[0].code) == ("review", "unknown_medium")
    assert all(reason.code.startswith("unknown_") for reason in decision.reasons)
