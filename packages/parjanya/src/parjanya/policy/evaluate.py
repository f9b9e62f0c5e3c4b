"""Conditions compiled to closures: true, false, or None for unknown (Kleene's three values).

``and`` is false as soon as one part is false, whatever is unknown; ``or`` is true as soon as one part is true; else an unknown
part makes the whole unknown. ``grounds`` tells which signals a result rests on: the evidence of a decision.
"""

from __future__ import annotations

import operator as python
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from parjanya.policy.signals import Value
from parjanya.policy.tree import Always, Among, And, AnyOf, Atom, Compare, Condition, Known, Literal, Not, Or, Ref

Signals = Mapping[str, Value]
Test = Callable[[Signals], bool | None]

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": python.lt,
    "<=": python.le,
    ">": python.gt,
    ">=": python.ge,
    "==": python.eq,
    "!=": python.ne,
}


def compiled(tree: Condition) -> Test:  # noqa: PLR0911 - one return for each form
    """The test that *tree* is. A signal that is missing in what it is given is unknown."""
    match tree:
        case And(parts):
            tests = [compiled(part) for part in parts]
            return _both(*tests) if len(tests) == 2 else _all(tests)
        case Or(parts):
            return _any([compiled(part) for part in parts])
        case Not(part):
            return _not(compiled(part))
        case Known(Ref(name)):
            return lambda signals: signals.get(name) is not None
        case Always(value=bool() as value):
            return _always(value)
        case AnyOf(Ref(name), Literal(tuple() as values)):
            return _any_of(name, frozenset(values))
        case Among(Ref(name), Literal(tuple() as values), negated):
            return _among(name, frozenset(values), negated)
        case Compare(Ref(left), operator, Ref(right)):
            return _two(left, OPERATORS[operator], right)
        case Compare(Ref(name), operator, Literal(value)):
            return _one(name, operator, value)
        case _:
            raise AssertionError(tree)


def _always(value: bool) -> Test:
    return lambda _: value


def _all(tests: list[Test]) -> Test:
    def test(signals: Signals) -> bool | None:
        result: bool | None = True
        for part in tests:
            found = part(signals)
            if found is False:
                return False
            if found is None:
                result = None
        return result

    return test


def _both(first: Test, second: Test) -> Test:
    """``_all`` of two, which most are."""

    def test(signals: Signals) -> bool | None:
        found = first(signals)
        if found is False:
            return False
        other = second(signals)
        return other if found or other is False else None

    return test


def _any(tests: list[Test]) -> Test:
    def test(signals: Signals) -> bool | None:
        result: bool | None = False
        for part in tests:
            found = part(signals)
            if found is True:
                return True
            if found is None:
                result = None
        return result

    return test


def _not(part: Test) -> Test:
    def test(signals: Signals) -> bool | None:
        found = part(signals)
        return None if found is None else not found

    return test


def _any_of(name: str, values: frozenset[str]) -> Test:
    def test(signals: Signals) -> bool | None:
        found: Any = signals.get(name)
        return None if found is None else not values.isdisjoint(found)

    return test


def _among(name: str, values: frozenset[str], negated: bool) -> Test:
    def test(signals: Signals) -> bool | None:
        found = signals.get(name)
        return None if found is None else (found in values) is not negated

    return test


def _one(name: str, operator: str, value: Any) -> Test:
    """One function for each operator: calling ``operator.lt`` costs as much as the rest of a comparison."""

    def less(signals: Signals) -> bool | None:
        found: Any = signals.get(name)
        return None if found is None else found < value

    def at_most(signals: Signals) -> bool | None:
        found: Any = signals.get(name)
        return None if found is None else found <= value

    def more(signals: Signals) -> bool | None:
        found: Any = signals.get(name)
        return None if found is None else found > value

    def at_least(signals: Signals) -> bool | None:
        found: Any = signals.get(name)
        return None if found is None else found >= value

    def equal(signals: Signals) -> bool | None:
        found: Any = signals.get(name)
        return None if found is None else found == value

    def unequal(signals: Signals) -> bool | None:
        found: Any = signals.get(name)
        return None if found is None else found != value

    return {"<": less, "<=": at_most, ">": more, ">=": at_least, "==": equal, "!=": unequal}[operator]


def _two(left: str, holds: Callable[[Any, Any], bool], right: str) -> Test:
    def test(signals: Signals) -> bool | None:
        first, second = signals.get(left), signals.get(right)
        return None if first is None or second is None else holds(first, second)

    return test


def grounds(tree: Condition, signals: Signals) -> Iterator[Atom]:
    """The atoms that the result of *tree* rests on: changing any other one would not change it.

    Of a true ``and``, a false ``or``: all parts. Of a false ``and``, a true ``or``: the parts that are so. Of an unknown
    one: the unknown parts.
    """
    match tree:
        case And(parts) | Or(parts):
            result = compiled(tree)(signals)
            for part in parts:
                if compiled(part)(signals) is result:
                    yield from grounds(part, signals)
        case Not(part):
            yield from grounds(part, signals)
        case _:
            yield tree
