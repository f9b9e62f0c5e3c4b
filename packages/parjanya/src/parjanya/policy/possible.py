"""Whether a condition can hold at all: contradictions that can be seen without an image.

A condition is spread into alternatives, each a conjunction of what it asks of single signals (a set of values, an interval,
being known or not). One without a contradiction: it can hold. Beyond ``MAX_ALTERNATIVES`` nothing is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nextafter

from parjanya.policy.signals import SIGNALS, Kind
from parjanya.policy.tree import Always, Among, And, Compare, Condition, Known, Literal, Not, Or, Ref, signals_of

MAX_ALTERNATIVES = 200

_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from *low* to *high*, both included (floats have neighbours, so open ends need no flag), but not *without*."""

    low: float
    high: float
    without: frozenset[float] = frozenset()

    def narrowed(self, other: Range) -> Range | None:
        """What is in both; None if nothing is."""
        low, high, without = max(self.low, other.low), min(self.high, other.high), self.without | other.without
        return None if low > high or (low == high and low in without) else Range(low, high, without)


UNKNOWN = frozenset({None})
Domain = Range | frozenset[object]
Box = dict[str, Domain]


class _TooManyError(Exception):
    pass


def can_hold(tree: Condition, *, wanted: bool = True) -> bool:
    """Whether some image could make *tree* true (or false, if that is *wanted*); true also if that is not known."""
    try:
        return bool(_spread(tree, wanted))
    except _TooManyError:
        return True


def _spread(tree: Condition, wanted: bool) -> list[Box]:
    match tree:
        case Not(part):
            return _spread(part, not wanted)
        case And(parts) if wanted:
            return _product([_spread(part, True) for part in parts])
        case Or(parts) if not wanted:
            return _product([_spread(part, False) for part in parts])
        case And(parts) | Or(parts):
            found = [box for part in parts for box in _spread(part, wanted)]
            if len(found) > MAX_ALTERNATIVES:
                raise _TooManyError
            return found
        case _:
            return _alternatives(tree, wanted)


def _product(factors: list[list[Box]]) -> list[Box]:
    found: list[Box] = [{}]
    for factor in factors:
        if len(found) * len(factor) > MAX_ALTERNATIVES * 10:
            raise _TooManyError
        found = [both for one in found for other in factor if (both := _both(one, other)) is not None]
    return found


def _both(one: Box, other: Box) -> Box | None:
    found = dict(one)
    for name, domain in other.items():
        before = found.get(name)
        if before is None:
            found[name] = domain
        elif isinstance(before, Range) and isinstance(domain, Range):
            narrowed = before.narrowed(domain)
            if narrowed is None:
                return None
            found[name] = narrowed
        elif isinstance(before, frozenset) and isinstance(domain, frozenset) and before & domain:
            found[name] = before & domain
        else:
            return None
    return found


def _anything(name: str) -> Domain:
    """All values that are known."""
    signal = SIGNALS[name]
    match signal.kind:
        case Kind.NUMBER:
            return Range(signal.low, signal.high)
        case Kind.FLAG:
            return frozenset({True, False})
        case _:  # of texts and lists only being known is followed
            return frozenset(signal.values if signal.kind is Kind.CHOICE else {"known"})


def _alternatives(atom: Condition, wanted: bool) -> list[Box]:
    match atom:
        case Always(value):
            return [{}] if value is wanted else []
        case Known(Ref(name)):
            return [{name: _anything(name) if wanted else UNKNOWN}]
        case Compare(Ref(name), operator, Literal(value)) if SIGNALS[name].kind is Kind.NUMBER:
            assert isinstance(value, float)
            whole, asked = _anything(name), _range(operator if wanted else _OPPOSITE[operator], value)
            both = _both({name: whole}, {name: asked})
            return [] if both is None else [both]
        case Compare(Ref(name), operator, Literal(value)) if SIGNALS[name].kind in (Kind.CHOICE, Kind.FLAG):
            return _of(name, frozenset({value}), (operator == "==") is wanted)
        case Among(Ref(name), Literal(tuple() as values), negated) if SIGNALS[name].kind is Kind.CHOICE:
            return _of(name, frozenset(values), negated is not wanted)
        case _:
            assert not isinstance(atom, And | Or | Not)
            return [{name: _anything(name) for name in signals_of(atom)}]


def _of(name: str, values: frozenset[object], inside: bool) -> list[Box]:
    whole = _anything(name)
    assert isinstance(whole, frozenset)
    left = whole & values if inside else whole - values
    return [{name: left}] if left else []


def _range(operator: str, value: float) -> Range:
    match operator:
        case "<":
            return Range(-inf, nextafter(value, -inf))
        case "<=":
            return Range(-inf, value)
        case ">":
            return Range(nextafter(value, inf), inf)
        case ">=":
            return Range(value, inf)
        case "==":
            return Range(value, value)
        case _:
            return Range(-inf, inf, frozenset({value}))
