"""What came back, checked: an observation, or what is wrong with it. Nothing in between and nothing repaired.

Callers: every engine, for every answer, whatever the engine promised about constrained decoding. An answer is as hostile as the
picture it is about: it is bounded in bytes and depth before it is parsed, parsed as strict JSON (no NaN, no key twice), and
must have exactly the fields with exactly their kinds and values. What is said about a wrong answer is bounded, plain ASCII.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from parjanya.observation.fields import BY_NAME, TEXT_CHARACTERS, Choice, Field, Flag, Grade, Several, Text
from parjanya.observation.schema import GRADE_VALUES

MAX_BYTES = 8_192
"""A valid answer without needless spaces has at most about 1,800."""
MAX_DEPTH = 4
"""A valid answer has 2: the object and a list in it."""

_MAX_PROBLEMS = 8
_MAX_QUOTED = 60
_MAX_BEGINNING = 240
_MAX_DIGITS = 20
_TEXT = re.compile(TEXT_CHARACTERS + "+")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Not an observation."""

    problems: tuple[str, ...]
    """What is wrong, one sentence each, at most nine."""
    beginning: str
    """How the answer begins, for the evidence: printable ASCII, at most 240 characters."""


class _NotStrictJsonError(ValueError):
    pass


def validate(answer: bytes | str) -> dict[str, Any] | Wrong:
    """Read one answer. An observation comes back as plain data: every field, in the order of the fields.

    Never raises, whatever *answer* holds.
    """
    try:
        raw = answer.encode("utf-8", "surrogatepass") if isinstance(answer, str) else bytes(answer)
        if len(raw) > MAX_BYTES:
            return Wrong((f"it is longer than {MAX_BYTES:,} bytes",), printable(answer))
        value = parse(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return Wrong(("it is not UTF-8",), printable(answer))
    except ValueError as error:
        return Wrong((f"it is not strict JSON: {_bounded(str(error))}",), printable(answer))
    result = check(value)
    return Wrong(result, printable(answer)) if isinstance(result, tuple) else result


def check(value: object) -> dict[str, Any] | tuple[str, ...]:
    """The observation in parsed JSON, or what is wrong with it."""
    if not isinstance(value, Mapping):
        return (f"it is {_kind(value)}, not an object",)
    problems = [f"there is no field {name}" for name in BY_NAME if name not in value]
    problems += [f"there is a field too many: {_quoted(name)}" for name in value if name not in BY_NAME]
    problems += [
        problem for name, field in BY_NAME.items() if name in value for problem in _problems(field, value[name])
    ]
    if problems:
        more = len(problems) - _MAX_PROBLEMS
        return (*problems[:_MAX_PROBLEMS], *([f"and {more} more"] if more > 0 else []))
    return {name: _plain(value[name]) for name in BY_NAME}


def parse(text: str) -> object:
    """Strict JSON of bounded depth. Raises ValueError with the reason."""
    _check_depth(text)
    return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_int=_integer)


def printable(answer: bytes | str, most: int = _MAX_BEGINNING) -> str:
    """The beginning of *answer* as printable ASCII, everything else escaped, at most *most* characters."""
    text = answer[:most].decode("utf-8", "replace") if isinstance(answer, bytes) else answer[:most]
    return _bounded(ascii(text)[1:-1], most)


def _check_depth(text: str) -> None:
    depth, inside, escaped = 0, False, False
    for character in text:
        if inside:
            inside = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _NotStrictJsonError(f"it is nested deeper than {MAX_DEPTH}")
        elif character in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise _NotStrictJsonError(f"the key {_quoted(key)} is there twice")
        result[key] = value
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise _NotStrictJsonError(f"{name} is no JSON number")


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise _NotStrictJsonError(f"a number has more than {_MAX_DIGITS} digits")
    return int(digits)


def _problems(field: Field, value: Any) -> Iterator[str]:
    match field:
        case Choice(name=name, values=values):
            if not isinstance(value, str) or value not in values:
                yield f"{name} is {_quoted(value)}, none of its values"
        case Flag(name=name):
            if not isinstance(value, bool):
                yield f"{name} is {_quoted(value)}, not true or false"
        case Grade(name=name):
            if type(value) is not int or value not in GRADE_VALUES:  # True is an int, 3.0 equals 3
                yield f"{name} is {_quoted(value)}, not a whole number from 1 to 5"
        case Several(name=name, most=most) if not isinstance(value, list) or not 1 <= len(value) <= most:
            yield f"{name} is {_quoted(value)}, not a list of 1 to {most}"
        case Several(name=name, values=values):
            wrong = [one for one in value if not isinstance(one, str) or one not in values]
            yield from (f"{name} has {_quoted(one)}, none of its values" for one in wrong)
        case Text(name=name, most=most):
            if not isinstance(value, str) or not 1 <= len(value) <= most or not _TEXT.fullmatch(value):
                yield f"{name} is {_quoted(value)}, not 1 to {most} of the characters that are allowed"


def _plain(value: Any) -> Any:
    return list(dict.fromkeys(value)) if isinstance(value, list) else value


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _quoted(value: object) -> str:
    if isinstance(value, str):
        return _bounded(ascii(value[:_MAX_QUOTED]))
    if isinstance(value, (list, dict)):
        return f"{_kind(value)} of {len(value)}"
    return _bounded(ascii(value))


def _bounded(text: str, most: int = _MAX_QUOTED) -> str:
    plain = text if text.isascii() and text.isprintable() else ascii(text)[1:-1]
    return plain if len(plain) <= most else plain[: most - 3] + "..."
