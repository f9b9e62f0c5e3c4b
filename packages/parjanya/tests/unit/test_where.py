"""The language of ``--where``."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parjanya.export.record import ImageRecord, Reason
from parjanya.views.where import WhereError, parse


def image(**changes: object) -> ImageRecord:
    values: dict[str, object] = {
        "id": "a1",
        "tenant": "t",
        "path": "/shoot/a.jpg",
        "source": Path("/shoot/a.jpg"),
        "status": "completed",
        "verdict": "reject",
        "reasons": (Reason("severe_blur", "blurred"),),
        "medium": "photo",
        "scores": {"sharpness": 0.2, "exposure.mean": 0.5},
        "scene": {"name": "scene:a", "size": 4, "rank": 2},
    }
    return ImageRecord(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "expression",
    [
        'verdict == "reject"',
        'verdict == "reject" and scores.sharpness < 0.3',
        "0.1 < scores.sharpness < 0.3",
        "scores.exposure.mean > 0.4",
        '"severe_blur" in reasons',
        'not verdict == "keep"',
        'medium in ["photo", "slide"]',
        'medium not in ("slide",)',
        "group == None",
        "rating != 3 or status == 'completed'",
        "scores.sharpness > -1",
        "scene.size > 3 and scene.rank == 2",
    ],
)
def test_a_true_expression_selects(expression: str) -> None:
    assert parse(expression)(image())


@pytest.mark.parametrize(
    "expression",
    [
        "verdict == 'keep'",
        "rating > 2",  # unknown
        "not rating > 2",  # still unknown: unknown is not false
        "rating > 2 or rating <= 2",
        "scores.noise < 5",
        "medium < 3",  # a text against a number
        'verdict == "reject" and rating == 1',
    ],
)
def test_false_and_unknown_select_nothing(expression: str) -> None:
    assert not parse(expression)(image())


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("colour == 1", "no field 'colour'"),
        ("verdict ==", "not an expression"),
        ("__import__('os').system('true')", "not allowed"),
        ("().__class__", "not a field"),
        ("verdict.upper == 1", "has no parts"),
        ("[x for x in reasons]", "not allowed"),
        ("lambda: 1", "not allowed"),
        ("verdict is None", "use ==, !="),
        ("a" * 3000, "3000 characters"),
        ("scores[0] == 1", "not allowed"),
        ("f'{verdict}' == 'x'", "not allowed"),
        ("b'x' == verdict", "not allowed"),
    ],
)
def test_anything_else_is_refused_with_a_reason(expression: str, says: str) -> None:
    with pytest.raises(WhereError, match=says):
        parse(expression)


@given(st.text(max_size=60))
def test_no_text_does_anything_but_select_or_be_refused(text: str) -> None:
    try:
        selected = parse(text)
    except WhereError:
        return
    assert selected(image()) in (True, False)


def test_an_expression_with_a_name_that_is_not_text_is_refused_in_words() -> None:
    with pytest.raises(WhereError, match="not text"):
        parse('path == "\udcff"')
