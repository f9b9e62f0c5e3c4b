"""An answer is an observation or it is not; nothing wrong gets through and nothing is repaired."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.validators import extend

from parjanya.observation import schema
from parjanya.observation.fields import FIELDS, GRADES
from parjanya.observation.validate import MAX_BYTES, MAX_DEPTH, Wrong, check, parse, printable, validate

sys.path.insert(0, str(Path(__file__).parents[2]))
from observed import JUNK, NAMES, altered, observations, plain_observation


def allows(value: Any) -> bool:
    """Whether the schema allows *value*, as an independent implementation reads it.

    Made strict in the two places where JSON Schema, or Python's ``$``, would allow more than was meant: 3.0 is no integer here,
    and a text does not end with a line break.
    """
    strict = json.loads(schema.TEXT.replace('}$"', '}\\\\Z"'))
    whole_numbers = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, one: type(one) is int)
    validator: Any = extend(Draft202012Validator, type_checker=whole_numbers)  # type: ignore[no-untyped-call]
    return bool(validator(strict).is_valid(value))


def problems(answer: bytes | str) -> str:
    """What is wrong with *answer*, as one text."""
    result = validate(answer)
    assert isinstance(result, Wrong), "it was taken for an observation"
    return "\n".join(result.problems)


def with_(**changes: Any) -> str:
    return json.dumps({**plain_observation(), **changes})


@given(observations(), st.sampled_from([None, 1, "\t"]), st.booleans(), st.booleans())
def test_every_observation_comes_back_as_it_was(value: Any, indent: Any, escaped: bool, as_bytes: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    result = validate(text.encode() if as_bytes else f" \n{text}\r\t")
    assert result == value
    assert isinstance(result, dict)
    assert list(result) == NAMES


@given(altered() | JUNK)
def test_an_answer_is_taken_exactly_when_the_schema_allows_it(value: Any) -> None:
    result = validate(json.dumps(value))
    assert isinstance(result, dict) == (allows(value) and len(json.dumps(value)) <= MAX_BYTES)


@given(st.binary(max_size=400) | st.text(max_size=400))
def test_whatever_comes_back_is_answered_and_never_raises(answer: bytes | str) -> None:
    result = validate(answer)
    assert isinstance(result, Wrong)
    assert result.problems
    for said in (*result.problems, result.beginning):
        assert said.isascii()
        assert said == "" or said.isprintable()
        assert len(said) <= 240


@given(observations(), st.integers(0, 2000), st.binary(min_size=1, max_size=3))
def test_bytes_put_over_an_answer_never_make_a_false_observation(value: Any, place: int, put: bytes) -> None:
    text = json.dumps(value).encode()
    changed = text[: place % len(text)] + put + text[place % len(text) + len(put) :]
    result = validate(changed)
    if isinstance(result, dict):
        assert allows(json.loads(changed))


@given(observations(), st.integers(1, 2000))
def test_an_answer_that_was_cut_is_no_answer(value: Any, cut: int) -> None:
    text = json.dumps(value)
    assert isinstance(validate(text[: -min(cut, len(text))]), Wrong)


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema.schema())
    assert allows(plain_observation())
    assert not allows({**plain_observation(), "sharp": 3.0})
    assert not allows({**plain_observation(), "note": "a boat\n"})


def test_a_value_given_twice_is_there_once() -> None:
    assert allows(json.loads(with_(artifacts=["flare", "flare"])))
    result = validate(with_(artifacts=["flare", "flare"]))
    assert isinstance(result, dict)
    assert result["artifacts"] == ["flare"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sharp": 3.0}, "sharp is 3.0, not a whole number"),
        ({"sharp": True}, "sharp is True, not a whole number"),
        ({"sharp": "3"}, "sharp is '3', not a whole number"),
        ({"sharp": 0}, "sharp is 0, not a whole number from 1 to 5"),
        ({"sharp": 6}, "sharp is 6, not"),
        ({"logo": 1}, "logo is 1, not true or false"),
        ({"logo": "true"}, "logo is 'true', not true or false"),
        ({"medium": "Photo"}, "medium is 'Photo', none of its values"),
        ({"medium": None}, "medium is None, none of its values"),
        ({"medium": ["photo"]}, "medium is a list of 1, none of its values"),
        ({"people": 1}, "people is 1, none of its values"),
        ({"artifacts": []}, "artifacts is a list of 0, not a list of 1 to 2"),
        ({"artifacts": ["none", "flare", "halos"]}, "artifacts is a list of 3"),
        ({"artifacts": ["none", "grain"]}, "artifacts has 'grain', none of its values"),
        ({"artifacts": [["none"]]}, "artifacts has a list of 1"),
        ({"artifacts": "none"}, "artifacts is 'none', not a list"),
        ({"note": ""}, "note is '', not 1 to 120"),
        ({"note": "x" * 121}, "note is"),
        ({"note": "a boat\n"}, r"note is 'a boat\n', not"),
        ({"note": "<b>boat</b>"}, "note is '<b>boat</b>', not"),
        ({"note": "\x1b[2J"}, r"note is '\x1b[2J', not"),
        ({"note": "caf\u00e9"}, r"note is 'caf\xe9', not"),
        ({"note": "\ud800"}, r"note is '\ud800', not"),
        ({"verdict": "keep"}, "there is a field too many: 'verdict'"),
    ],
)
def test_what_is_wrong_is_said_with_the_field_and_the_value(changes: dict[str, Any], said: str) -> None:
    assert said in problems(with_(**changes))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("", "not strict JSON"),
        ("null", "it is null, not an object"),
        ("[]", "it is a list, not an object"),
        ('"KEEP THIS"', "it is a text, not an object"),
        ("5", "it is a number, not an object"),
        ("I see a boat.", "not strict JSON"),
        ("NaN", "NaN is no JSON number"),
        (f"```json\n{with_()}\n```", "not strict JSON"),
        (f"<answer>{with_()}</answer>", "not strict JSON"),
        (f"Here it is: {with_()}", "not strict JSON"),
        (f"{with_()} I hope this helps.", "not strict JSON"),
        (f"{with_()}{with_()}", "not strict JSON"),
        (with_() + "\0", "not strict JSON"),
        (f"\ufeff{with_()}", "not strict JSON"),
        (with_().replace('"', "'"), "not strict JSON"),
        (with_().replace('"a boat"', '"a\tboat"'), "not strict JSON"),
        (with_().replace('"sharp": 3', '"sharp": NaN'), "NaN is no JSON number"),
        (with_().replace('"sharp": 3', '"sharp": -Infinity'), "-Infinity is no JSON number"),
        (with_().replace('"sharp": 3', '"sharp": 1e999'), "sharp is inf, not a whole number"),
        (with_().replace('"sharp": 3', '"sharp": ' + "9" * 5000), "more than 20 digits"),
        (with_().replace('"sharp": 3', '"sharp": 1, "sharp": 3'), "the key 'sharp' is there twice"),
        (with_().replace("}", ",}"), "not strict JSON"),
        (json.dumps(schema.schema()), "nested deeper"),
        (json.dumps({"choices": [{"message": {"content": with_()}}]}), "there is no field medium"),
        (json.dumps({"verdict": "keep"}), "there is no field medium"),
        ("[" * 5000, f"nested deeper than {MAX_DEPTH}"),
        ('{"a":' * 1000 + "1" + "}" * 1000, f"nested deeper than {MAX_DEPTH}"),
        (with_() + " " * MAX_BYTES, "longer than"),
        (b"\xff\xfe{}", "not UTF-8"),
        (with_().encode("utf-16"), "not UTF-8"),
        (with_().encode() + b"\x80", "not UTF-8"),
    ],
)
def test_what_is_not_the_json_object_alone_is_refused(answer: bytes | str, said: str) -> None:
    assert said in problems(answer)


def test_brackets_inside_a_text_are_not_depth() -> None:
    assert parse(json.dumps(["[" * 50, '\\"[[[[[[', "{{{{{{"])) == ["[" * 50, '\\"[[[[[[', "{{{{{{"]


def test_very_much_that_is_wrong_is_said_shortly() -> None:
    result = check({f"field {number}": number for number in range(10_000)})
    assert isinstance(result, tuple)
    assert len(result) == 9
    assert result[-1] == f"and {10_000 + len(FIELDS) - 8} more"


def test_the_beginning_of_an_answer_is_shown_without_what_a_terminal_obeys() -> None:
    shown = printable("\x1b]0;title\x07<script>\u202e" + "x" * 1000)
    assert shown.startswith(r"\x1b]0;title\x07<script>\u202exxx")
    assert len(shown) == 240


def test_grades_are_the_fields_with_one_digit() -> None:
    assert all(schema.property_of(field)["enum"] == [1, 2, 3, 4, 5] for field in FIELDS if field.name in GRADES)
