"""Conditions compiled to closures: true, false, or None for unknown (Kleene's three values).

``and`` is false as soon as one part is false, whatever is unknown; ``or`` is true as soon as one part is true; else an unknown
part makes the whole unknown. ``grounds`` tells which signals a result rests on: the evidence of a decision.
"""

from __future__ import annotations

import operator as python
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition, ready to be asked; *parts* are those of an ``and``, ``or`` or ``not``."""

    tree: Condition
    test: Test
    """True, false or None. A signal that is missing in what it is given is unknown."""
    parts: tuple[Compiled, ...] = ()


def compiled(tree: Condition) -> Compiled:
    """*tree*, with every part of it compiled once."""
    match tree:
        case And(parts):
            inner = tuple(compiled(part) for part in parts)
            tests = [part.test for part in inner]
            return Compiled(tree, _both(*tests) if len(tests) == 2 else _all(tests), inner)
        case Or(parts):
            inner = tuple(compiled(part) for part in parts)
            return Compiled(tree, _any([part.test for part in inner]), inner)
        case Not(part):
            only = compiled(part)
            return Compiled(tree, _not(only.test), (only,))
        case _:
            return Compiled(tree, _atom(tree))


def _atom(atom: Atom) -> Test:
    match atom:
        case Known(Ref(name)):
            return lambda signals: signals.get(name) is not None
        case Always(value):
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
            raise AssertionError(atom)


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


def grounds(condition: Compiled, signals: Signals) -> Iterator[Atom]:
    """The atoms that its result rests on: changing any other one would not change it.

    Of a true ``and``, a false ``or``: all parts. Of a false ``and``, a true ``or``: the parts that are so. Of an unknown
    one: the unknown parts.
    """
    tree = condition.tree
    match tree:
        case And() | Or():
            result = condition.test(signals)
            for part in condition.parts:
                if part.test(signals) is result:
                    yield from grounds(part, signals)
        case Not():
            yield from grounds(condition.parts[0], signals)
        case _:
            yield tree
