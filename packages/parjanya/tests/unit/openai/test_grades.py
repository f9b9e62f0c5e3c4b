"""Grades by probability are those of the grade's own digit, or they are not given."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parjanya.observation.fields import GRADES
from parjanya.testing.answers import levels, tokens_of
from parjanya.vision.openai.grades import graded

sys.path.insert(0, str(Path(__file__).parents[2]))
from observed import observations, plain_observation

TEXT = json.dumps(plain_observation(), separators=(",", ":"))


def entry(token: str, share: float, others: dict[str, float] | None = None) -> dict[str, Any]:
    listed = [{"token": text, "logprob": math.log(one)} for text, one in (others or {}).items()]
    return {"token": token, "logprob": math.log(share), "top_logprobs": listed}


def around_sharp(digit: dict[str, Any]) -> dict[str, Any]:
    """The tokens of ``TEXT`` with *digit* where the digit of ``sharp`` stands and no alternatives anywhere else."""
    before, after = re.split(r'(?<="sharp":)3', TEXT)
    return {"content": [entry(before, 1.0), digit, entry(after, 1.0)]}


@given(observations(), st.sampled_from(["plain", "joined", "single"]), st.booleans(), st.sampled_from([None, 1]))
def test_every_grade_is_found_whatever_the_other_fields_hold(value: Any, style: str, turned: bool, indent: Any) -> None:
    text = json.dumps(dict(reversed(value.items())) if turned else value, indent=indent)
    found = graded(text, {"content": tokens_of(text, style)})
    for name in GRADES:
        expected = sum(level * share for level, share in levels(value[name]).items())
        assert found[name].expected == pytest.approx(expected, abs=1e-3)


@given(observations(), st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_however_a_text_is_cut_a_grade_is_right_or_absent(value: Any, sizes: list[int]) -> None:
    text = json.dumps(value)
    pieces, place, turn = [], 0, 0
    while place < len(text):
        pieces.append(text[place : place + sizes[turn % len(sizes)]])
        place, turn = place + sizes[turn % len(sizes)], turn + 1
    found = graded(text, {"content": [token for piece in pieces for token in whole(piece)]})
    for name, grade in found.items():
        expected = sum(level * share for level, share in levels(value[name]).items())
        assert grade.expected == pytest.approx(expected, abs=1e-3)


def whole(piece: str) -> list[dict[str, Any]]:
    """*piece* as one token, with the alternatives of the digit in it if it has just one."""
    digits = [character for character in piece if character in "12345"]
    if len(digits) != 1 or piece.count(digits[0]) != 1:
        return [entry(piece, 1.0)]
    shares = levels(int(digits[0]))
    return [
        entry(
            piece, shares[int(digits[0])], {piece.replace(digits[0], str(level)): one for level, one in shares.items()}
        )
    ]


def test_a_digit_in_another_field_is_no_grade() -> None:
    value = {**plain_observation(), "people": "3-5", "note": "sharp 5, (1) 2"}
    text = json.dumps(value)
    found = graded(text, {"content": tokens_of(text, "single")})
    assert found["sharp"].expected == pytest.approx(3.0)


def test_a_field_name_inside_a_list_or_written_with_escapes_is_not_mistaken() -> None:
    text = TEXT.replace('"sharp":3', '"sh\\u0061rp":4')
    assert graded(text, {"content": tokens_of(text, "plain")})["sharp"].expected > 3.5


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        [],
        {},
        {"content": None},
        {"content": []},
        {"content": "tokens"},
        {"content": [None]},
        {"content": [{"token": TEXT}]},
        {"content": [{"token": TEXT, "logprob": math.nan}]},
        {"content": [{"token": TEXT, "logprob": "0"}]},
        {"content": [{"token": TEXT, "logprob": True}]},
        {"content": [{"token": TEXT, "logprob": 5.0}]},
        {"content": [{"token": 5, "logprob": -1.0, "bytes": [300]}]},
        {"content": tokens_of(TEXT[1:], "plain")},
        {"content": tokens_of(TEXT.replace("boat", "goat"), "plain")},
        {"content": tokens_of(TEXT, "plain")[:-1]},
        {"content": [{"token": f"token_id:{number}", "logprob": 0.0} for number in range(300)]},
    ],
)
def test_tokens_that_do_not_spell_the_answer_give_no_grades(logprobs: Any) -> None:
    assert graded(TEXT, logprobs) == {}


def test_what_follows_the_answer_does_not_matter() -> None:
    assert len(graded(TEXT, {"content": [*tokens_of(TEXT, "plain"), entry("<|im_end|>", 1.0)]})) == 7


def test_bytes_count_where_a_token_is_no_text_of_its_own() -> None:
    halves = [
        {"token": "\ufffd", "logprob": 0.0, "bytes": list(part)} for part in (TEXT[:9].encode(), TEXT[9:].encode())
    ]
    assert graded(TEXT, {"content": halves}) == {}  # spelled right, and no digit stands alone
    digit = {**entry("3", 0.9, {"3": 0.9, "4": 0.1}), "bytes": [ord("3")]}
    assert graded(TEXT, around_sharp(digit))["sharp"].expected == pytest.approx(3.1)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({"3": 0.5, "4": 0.5}, 3.5),  # all of one is accounted for
        ({"3": 0.6, "2": 0.2, "4": 0.2}, 3.0),
        ({"3": 0.5, "4": 0.3, "x": 0.1, "y": 0.001}, 3.375),  # what is missing is below a thousandth each
        ({"3": 0.02, "x": 0.5, "y": 0.4}, None),  # the five levels hardly count, and four of them are not listed
        ({"3": 0.5}, None),  # who knows where the other half is
        ({"3": 0.4, " 3": 0.2, "4": 0.2}, None),
        ({}, None),
    ],
)
def test_levels_that_were_not_listed_and_could_weigh_leave_a_grade_without_probabilities(
    others: dict[str, float], expected: float | None
) -> None:
    found = graded(TEXT, around_sharp(entry("3", others.get("3", 0.5), others)))
    assert found.keys() == ({"sharp"} if expected is not None else set())
    if expected is not None:
        assert found["sharp"].expected == pytest.approx(expected, abs=0.01)


def test_certain_and_undecided_are_zero_and_one() -> None:
    certain = graded(TEXT, around_sharp(entry("3", 1.0, {"3": 1.0})))["sharp"]
    undecided = graded(TEXT, around_sharp(entry("3", 0.2, {str(level): 0.2 for level in range(1, 6)})))["sharp"]
    assert (certain.expected, certain.entropy) == (3.0, 0.0)
    assert (undecided.expected, undecided.entropy) == (3.0, 1.0)


def test_alternatives_that_differ_in_more_than_the_digit_do_not_count() -> None:
    digit = entry("3,", 0.5, {"3,": 0.5, "4,": 0.25, "5}": 0.25})
    before, after = re.split(r'(?<="sharp":)3,', TEXT)
    found = graded(TEXT, {"content": [entry(before, 1.0), digit, entry(after, 1.0)]})
    assert found["sharp"].expected == pytest.approx(10 / 3, abs=0.001)


@pytest.mark.parametrize("logprob", [-(10**400), -1e308, -math.inf], ids=["a long number", "a large one", "infinity"])
def test_a_probability_of_nothing_is_no_error_however_it_is_written(logprob: float) -> None:
    digit = entry("3", 0.9, {"3": 0.9, "4": 0.1})
    digit["top_logprobs"].append({"token": "5", "logprob": logprob})
    assert graded(TEXT, around_sharp(digit))["sharp"].expected == pytest.approx(3.1)
