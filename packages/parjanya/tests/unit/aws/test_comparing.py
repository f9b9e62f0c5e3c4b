"""Two instances side by side: equal is equal, and whatever differs is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from parjanya.export.record import Failure, ImageRecord, Reason
from parjanya.views.comparing import NOT_COMPARED, compare

ONE = ImageRecord("1", "t", "/a.jpg", Path("/a.jpg"), "completed", "abc", verdict="keep", policy_verdict="keep")
BROKEN = replace(ONE, id="2", path="/b.jpg", verdict=None, failure=Failure("technical", "truncated", "at /x", True))


def test_the_same_images_are_alike_wherever_they_ran() -> None:
    elsewhere = replace(ONE, execution={"host": "b"}, thumb=Path("/other"))
    broken = replace(BROKEN, failure=Failure("technical", "truncated", "at /y", True))
    found = compare([ONE, BROKEN], [broken, elsewhere])
    assert found.alike
    assert (found.compared, found.same) == (2, 2)
    assert found.verdicts == {"keep": 1, "truncated": 1}


def test_every_other_field_counts() -> None:
    others = {
        "path": "/c.jpg", "sha256": "x", "status": "failed", "verdict": "reject", "reasons": (Reason("a", "b"),),
        "medium": "photograph", "scores": {"sharpness": 0.5}, "group": {"group": "g"}, "policy_version": "1:x",
        "versions": {"technical": "2"}, "failure": Failure("technical", "truncated", "", False), "rating": 5,
        "label": "Red", "medium_confidence": 0.1, "width": 5, "height": 5, "taken": "2026-01-01T00:00:00",
        "camera": "c", "lens": "l", "iso": 100, "f_number": 2.8, "exposure_s": 0.1, "focal_length_mm": 50.0,
        "engine": "e", "model": "m", "observed": {"medium": "x"}, "witness": {"medium": "x"},
        "policy_verdict": "reject", "scene": {"name": "s"}, "policy": "p", "policy_tag": "t",
    }  # fmt: skip
    assert set(others) == set(ONE.to_json()) - NOT_COMPARED
    for name, value in others.items():
        (difference,) = compare([ONE], [replace(ONE, **{name: value})]).differences  # type: ignore[arg-type]
        assert (difference.id, difference.field) == ("1", name)


def test_what_one_of_them_does_not_have_is_named() -> None:
    found = compare([ONE, BROKEN], [replace(ONE, id="3", path="/c.jpg"), BROKEN])
    assert (found.only_first, found.only_second) == (["/a.jpg"], ["/c.jpg"])
    assert not found.alike


def test_what_people_decided_is_not_held_against_the_policy() -> None:
    decided = replace(ONE, verdict="reject", decided_by="human", conflict=True, override={"who": "ann"})
    assert compare([ONE], [decided]).alike
    assert not compare([ONE], [replace(decided, policy_verdict="review")]).alike
