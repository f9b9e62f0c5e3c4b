"""Observations for tests: all that are valid, and what a hostile or confused model makes of one.

Tests add this folder to ``sys.path`` and import it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import strategies as st

from parjanya.observation.fields import FIELDS, TEXT_CHARACTERS, Choice, Field, Flag, Grade, Several

ALPHABET = "".join(chr(code) for code in range(128) if re.fullmatch(TEXT_CHARACTERS, chr(code)))
NAMES = [field.name for field in FIELDS]


def values(field: Field) -> st.SearchStrategy[Any]:
    """Every valid value of *field*."""
    match field:
        case Choice():
            return st.sampled_from(field.values)
        case Flag():
            return st.booleans()
        case Grade():
            return st.integers(1, 5)
        case Several():
            return st.lists(st.sampled_from(field.values), min_size=1, max_size=field.most, unique=True)
        case _:
            return st.text(ALPHABET, min_size=1, max_size=field.most)


def observations() -> st.SearchStrategy[dict[str, Any]]:
    """Every valid observation."""
    return st.fixed_dictionaries({field.name: values(field) for field in FIELDS})


def plain_observation() -> dict[str, Any]:
    """One valid observation, always the same."""
    first: dict[str, Any] = {}
    for field in FIELDS:
        match field:
            case Choice():
                first[field.name] = field.values[0]
            case Flag():
                first[field.name] = False
            case Grade():
                first[field.name] = 3
            case Several():
                first[field.name] = [field.values[0]]
            case _:
                first[field.name] = "a boat"
    return first


JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        [1.0, 3.0, True, False, 0, 6, "1", "3", "true", "none", "na", "photo", "", " ", "photo\n", "a\x00b"]
    )
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def altered(draw: st.DrawFn) -> Any:
    """A valid observation of which something was changed, removed, added or put elsewhere: perhaps still valid."""
    value: Any = draw(observations())
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(NAMES))
        match draw(st.sampled_from(["set", "drop", "add", "swap", "longer", "twice", "wrap"])):
            case "set":
                value[name] = draw(JUNK)
            case "drop":
                value.pop(name, None)
            case "add":
                value[draw(st.text(max_size=8) | st.sampled_from(["keep", "verdict", "Medium", "medium "]))] = draw(
                    JUNK
                )
            case "swap":
                value[name] = value.get(draw(st.sampled_from(NAMES)))
            case "longer" if isinstance(value.get(name), str):
                value[name] *= draw(st.integers(2, 200))
            case "twice" if isinstance(value.get(name), list):
                value[name] = value[name] * draw(st.integers(2, 3))
            case "wrap":
                return draw(
                    st.sampled_from([{"observation": value}, [value], json.dumps(value), {"type": "object", **value}])
                )
    return value
