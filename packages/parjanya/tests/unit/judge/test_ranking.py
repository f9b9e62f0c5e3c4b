"""Best of a group: by what, in which order, and in which words the others differ."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from parjanya.vision import ranking
from parjanya.vision.candidate import Candidate
from parjanya.vision.grouping import group_images

sys.path.insert(0, str(Path(__file__).parent))
from judge_candidates import frame, image, near, some_hash


def facts_with(**observation: str) -> dict[str, dict[str, object]]:
    return {"technical": {"sha256": "f" * 64}, "observe": {"medium": "photo", "model": {"observation": observation}}}


def test_what_a_model_saw_is_read_and_what_it_could_not_say_is_unknown() -> None:
    seen = Candidate.of("i", {}, facts_with(eyes="all_closed", focus_on_subject="unsure", exposure="right"), None)
    assert (seen.eyes, seen.focus, seen.exposure, seen.expression) == ("all_closed", None, "right", None)


@pytest.mark.parametrize("model", [None, {}, {"observation": None}, {"observation": {"eyes": 7}}, "open"])
def test_without_a_model_or_with_a_strange_one_nothing_was_seen(model: object) -> None:
    facts: dict[str, dict[str, object]] = {"technical": {"sha256": "f" * 64}, "observe": {"model": model}}
    assert Candidate.of("i", {}, facts, None).eyes is None


def test_of_a_burst_the_frame_with_open_eyes_is_best_and_the_other_says_so_first() -> None:
    one = some_hash(1)
    closed = frame("a", 0, one, sharpness=0.75, eyes="some_closed")
    opened = frame("b", 100, near(one, 9), sharpness=0.70, eyes="open")
    facts = group_images([closed, opened])
    assert facts["b"]["best"] is True
    texts = [d["text"] for d in facts["a"]["differences"]]  # type: ignore[attr-defined]
    assert texts == ["b.jpg: eyes open; this one: some eyes closed", "this one: 0.05 sharper than b.jpg"]


def test_eyes_that_were_not_seen_speak_for_and_against_no_frame() -> None:
    one = some_hash(2)
    unknown, opened = frame("a", 0, one, sharpness=0.8), frame("b", 9, near(one, 9), sharpness=0.6, eyes="open")
    facts = group_images([unknown, opened])
    assert facts["a"]["best"] is True
    assert [d["measure"] for d in facts["b"]["differences"]] == ["sharpness"]  # type: ignore[attr-defined]


def test_a_missed_focus_weighs_more_than_sharpness_elsewhere_and_a_poor_expression_less() -> None:
    missed, softer = image("a", sharpness=0.8, focus="missed"), image("b", sharpness=0.6, focus="yes")
    assert ranking.shot_key(softer) < ranking.shot_key(missed)
    poor, softer = image("a", sharpness=0.8, expression="poor"), image("b", sharpness=0.6, expression="good")
    assert ranking.shot_key(poor) < ranking.shot_key(softer)


def test_of_copies_of_one_picture_the_larger_is_best_whatever_a_model_made_of_each() -> None:
    small, large = (
        image("a", pixels=10, sharpness=0.6, eyes="open"),
        image("b", pixels=99, sharpness=0.6, eyes="all_closed"),
    )
    assert ranking.copy_key(large) < ranking.copy_key(small)


def test_exposure_and_expression_are_differences_in_words() -> None:
    this, best = image("a", exposure="over", expression="poor"), image("b", exposure="right", expression="good")
    texts = [str(d["text"]) for d in ranking.differences(this, best)]
    assert texts == [
        "b.jpg: good expression; this one: poor expression",
        "b.jpg: rightly exposed; this one: overexposed",
    ]
