"""Random conditions over real signals, as text, and what they mean by two independent accounts.

``holds`` is Kleene's logic written down directly over the shape of a condition; Python's own ``eval`` is the other, for images
of which everything is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st

from parjanya.policy import SIGNALS, Value

NUMBERS = ("medium_confidence", "subject_sharpness", "long_side_px", "model.sharp", "model.light_entropy")
CHOICES = ("medium", "group_kind", "model.medium", "model.eyes")
FLAGS = ("camera_known", "best_of_group", "model.logo")
LISTS = ("model.artifacts",)
USED = NUMBERS + CHOICES + FLAGS + LISTS

Shape = tuple[Any, ...]


def numbers(name: str) -> st.SearchStrategy[float]:
    """Values that lie where the signal's values lie, often the same ones."""
    signal = SIGNALS[name]
    high = min(signal.high, 5_000)
    return st.integers(0, 8).map(lambda step: signal.low + (high - signal.low) * step / 8)


def _comparison(name: str) -> st.SearchStrategy[Shape]:
    return st.tuples(
        st.just("compare"), st.just(name), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers(name)
    )


def _choice(name: str) -> st.SearchStrategy[Shape]:
    values = SIGNALS[name].values
    one = st.tuples(st.just("compare"), st.just(name), st.sampled_from(["==", "!="]), st.sampled_from(values))
    several = st.lists(st.sampled_from(values), min_size=1, max_size=4, unique=True)
    return one | st.tuples(st.just("among"), st.just(name), st.sampled_from(["in", "not in"]), several)


def _atoms(known: bool) -> st.SearchStrategy[Shape]:
    pair = st.tuples(st.just("two"), st.sampled_from(NUMBERS[:2]), st.sampled_from(["<", ">="]), st.just("model.sharp"))
    lists = st.tuples(st.just("has"), st.just("model.artifacts"), st.sampled_from(SIGNALS["model.artifacts"].values))
    of_known = st.tuples(st.just("known"), st.sampled_from(USED)) if known else st.nothing()
    return st.one_of(
        st.sampled_from(NUMBERS).flatmap(_comparison),
        st.sampled_from(CHOICES).flatmap(_choice),
        st.tuples(st.just("flag"), st.sampled_from(FLAGS)),
        pair,
        lists,
        of_known,
    )


def conditions(*, known: bool = True) -> st.SearchStrategy[Shape]:
    """Random conditions; without ``known(…)`` unless *known*."""

    def larger(inner: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
        parts = st.lists(inner, min_size=2, max_size=3)
        both = st.tuples(st.sampled_from(["and", "or"]), parts)
        return both | st.tuples(st.just("not"), inner)

    return st.recursive(_atoms(known), larger, max_leaves=12)


def signals(*, unknown: bool) -> st.SearchStrategy[dict[str, Value]]:
    """Random images; with *unknown*, some of it is not known."""
    nothing = st.none() if unknown else st.nothing()
    return st.fixed_dictionaries(
        {name: nothing | numbers(name) for name in NUMBERS}
        | {name: nothing | st.sampled_from(SIGNALS[name].values) for name in CHOICES}
        | {name: nothing | st.booleans() for name in FLAGS}
        | {
            name: nothing | st.lists(st.sampled_from(SIGNALS[name].values), max_size=2, unique=True).map(tuple)
            for name in LISTS
        }
    )


@dataclass(frozen=True)
class Spelling:
    """How words of the language are written: Python's way, or CEL's."""

    conjunction: str = "and"
    disjunction: str = "or"
    negation: str = "not "
    true: str = "true"


PYTHON, CEL = Spelling(), Spelling("&&", "||", "!", "true")


def text(shape: Shape, spelling: Spelling = PYTHON) -> str:
    """The condition as a policy has it. Parentheses stand around every part."""
    match shape:
        case ("and" | "or" as kind, parts):
            word = spelling.conjunction if kind == "and" else spelling.disjunction
            return "(" + f" {word} ".join(text(part, spelling) for part in parts) + ")"
        case ("not", part):
            return f"{spelling.negation}({text(part, spelling)})"
        case ("compare", name, operator, value):
            return f"({name} {operator} {quoted(value)})"
        case ("two", left, operator, right):
            return f"({left} {operator} {right})"
        case ("among", name, "not in", values) if spelling is CEL:
            return f"!({name} in [{', '.join(map(quoted, values))}])"
        case ("among", name, operator, values):
            return f"({name} {operator} [{', '.join(map(quoted, values))}])"
        case ("has", name, value):
            return f"({quoted(value)} in {name})"
        case ("known", name):
            return f"known({name})"
        case ("flag", name):
            return str(name)
    raise AssertionError(shape)


def quoted(value: str | float) -> str:
    """A value as text of the language."""
    return f'"{value}"' if isinstance(value, str) else repr(float(value))


def in_python(shape: Shape, values: dict[str, Value]) -> bool:
    """What Python itself makes of the text, if everything is known."""
    model = {name.removeprefix("model."): v for name, v in values.items() if name.startswith("model.")}
    scope: dict[str, Any] = {name: v for name, v in values.items() if "." not in name} | {
        "model": SimpleNamespace(**model)
    }
    scope |= {"true": True, "false": False, "known": lambda _: True}
    found = eval(text(shape), {"__builtins__": {}}, scope)
    assert isinstance(found, bool)
    return found


def holds(shape: Shape, values: dict[str, Value]) -> bool | None:
    """Kleene's three-valued logic: true, false, or None."""
    match shape:
        case ("and", parts):
            found = [holds(part, values) for part in parts]
            return False if False in found else None if None in found else True
        case ("or", parts):
            found = [holds(part, values) for part in parts]
            return True if True in found else None if None in found else False
        case ("not", part):
            inner = holds(part, values)
            return None if inner is None else not inner
        case ("known", name):
            return values[name] is not None
        case _:
            names = [name for name in shape[1:] if isinstance(name, str) and name in values]
            if any(values[name] is None for name in names):
                return None
            return in_python(shape, values)
