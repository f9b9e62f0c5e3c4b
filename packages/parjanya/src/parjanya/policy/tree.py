"""Conditions as typed trees: what the parser builds, what is compiled, compared and shown.

Two texts that mean the same by spelling alone (``&&`` and ``and``, spaces, ``0.5 > x`` and ``x < 0.5``) give equal trees, and
``render`` writes a tree in its one canonical form: the policy's version rests on that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

Plain = float | str | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A value, by itself or under the name of a constant."""

    value: Plain
    constant: str | None = None


@dataclass(frozen=True, slots=True)
class Ref:
    """The value of a signal."""

    signal: str


@dataclass(frozen=True, slots=True)
class Compare:
    """``signal operator value``; of numbers, the other side may be a signal too."""

    left: Ref
    operator: str
    right: Literal | Ref


@dataclass(frozen=True, slots=True)
class Among:
    """Whether the signal's text is one of *values* (or, *negated*, none of them)."""

    left: Ref
    values: Literal
    negated: bool = False


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Whether the signal's list holds at least one of *values*."""

    left: Ref
    values: Literal


@dataclass(frozen=True, slots=True)
class Known:
    """Whether the signal has a value: never unknown itself."""

    left: Ref


@dataclass(frozen=True, slots=True)
class Always:
    """True or false, whatever the image."""

    value: bool
    constant: str | None = None


@dataclass(frozen=True, slots=True)
class Not:
    """Kleene's *not*."""

    part: Condition


@dataclass(frozen=True, slots=True)
class And:
    """Kleene's *and* of two or more."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Kleene's *or* of two or more."""

    parts: tuple[Condition, ...]


Atom = Compare | Among | AnyOf | Known | Always
Condition = Atom | Not | And | Or

_Chain = TypeVar("_Chain", And, Or)


def joined(chain: type[_Chain], parts: list[Condition]) -> Condition:
    """*parts* under one ``And`` or ``Or``; nested ones of the same kind are laid flat, one part stays itself."""
    flat: list[Condition] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, chain) else [part])
    return flat[0] if len(flat) == 1 else chain(tuple(flat))


def negated(part: Condition) -> Condition:
    """*Not* of it; two of them cancel out."""
    return part.part if isinstance(part, Not) else Not(part)


def atoms(tree: Condition) -> Iterator[Atom]:
    """Every atom, from left to right."""
    match tree:
        case And(parts) | Or(parts):
            for part in parts:
                yield from atoms(part)
        case Not(part):
            yield from atoms(part)
        case _:
            yield tree


def signals_of(atom: Atom) -> tuple[str, ...]:
    """The signals an atom reads."""
    match atom:
        case Compare(Ref(left), _, Ref(right)):
            return (left, right)
        case Always():
            return ()
        case _:
            return (atom.left.signal,)


def constants_of(atom: Atom) -> dict[str, Plain]:
    """The constants an atom names."""
    match atom:
        case Compare(right=Literal(value, str(name))) | Among(values=Literal(value, str(name))):
            return {name: value}
        case AnyOf(values=Literal(value, str(name))) | Always(value, str(name)):
            return {name: value}
        case _:
            return {}


def render(tree: Condition) -> str:  # noqa: PLR0911 - one return for each form
    """The canonical text."""
    match tree:
        case And(parts):
            return " and ".join(_inside(part, And) for part in parts)
        case Or(parts):
            return " or ".join(_inside(part, Or) for part in parts)
        case Not(part):
            return f"not {_inside(part, Not)}"
        case Compare(Ref(left), "==", Literal(True)):
            return left
        case Compare(Ref(left), operator, right):
            return f"{left} {operator} {right.signal if isinstance(right, Ref) else _literal(right)}"
        case Among(Ref(left), values, negated):
            return f"{left} {'not in' if negated else 'in'} {_literal(values)}"
        case AnyOf(Ref(left), values):
            return f"any_of({left}, {_literal(values)})"
        case Known(Ref(left)):
            return f"known({left})"
        case Always(value, constant):
            return constant or plain(value)


def _inside(part: Condition, around: type) -> str:
    bare = not isinstance(part, And | Or) or (isinstance(part, And) and around is Or)
    return render(part) if bare else f"({render(part)})"


def _literal(literal: Literal) -> str:
    return literal.constant or plain(literal.value)


def plain(value: Plain) -> str:
    """A value as the language writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            return "[" + ", ".join(plain(v) for v in value) + "]"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return f"{value:.15g}" if float(f"{value:.15g}") == value else repr(value)
