"""What is compared with what: types, and values that a signal can never have, are checked here. Caller: ``parser``."""

from __future__ import annotations

from dataclasses import dataclass

from parjanya.policy.problems import nearest, shown
from parjanya.policy.signals import SIGNALS, Kind, Signal
from parjanya.policy.tokens import ExpressionError, Token
from parjanya.policy.tree import Among, And, AnyOf, Compare, Condition, Known, Literal, Not, Ref, joined

ORDER = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""Each order, and what it is when the sides change places."""


@dataclass(frozen=True, slots=True)
class Term:
    """A signal or a value, at a place of the text; *form* is what it is called in messages."""

    at: int
    value: Ref | Literal
    form: str

    @property
    def signal(self) -> Signal | None:
        """The signal, if it is one."""
        return SIGNALS[self.value.signal] if isinstance(self.value, Ref) else None


def called(token: Token, arguments: list[Term]) -> Condition:
    match token.text, arguments:
        case "known", [Term(value=Ref() as signal)]:
            return Known(signal)
        case "between", [value, low, high]:
            return joined(And, [compared(value, ">=", low, token.at), compared(value, "<=", high, token.at)])
        case "any_of", [Term(value=Ref()) as holder, Term(value=Literal(value=tuple()) as values) as listed]:
            if holder.signal is None or holder.signal.kind is not Kind.LIST:
                raise ExpressionError(holder.at, f"{holder.form} is no list; write {holder.form.split()[0]} in [...]")
            assert isinstance(holder.value, Ref)
            _check_values(holder.signal, values, listed.at)
            return AnyOf(holder.value, values)
        case _:
            usage = {
                "known": "known(signal)",
                "between": "between(x, low, high)",
                "any_of": 'any_of(signal, ["a", "b"])',
            }
            raise ExpressionError(token.at, f"it is used like this: {usage[token.text]}")


def compared(left: Term, operator: str, right: Term, at: int) -> Condition:
    if operator in ("in", "not in"):
        return _contained(left, right, negated=operator == "not in")
    if left.signal is None:
        if right.signal is None:
            raise ExpressionError(at, "two fixed values are compared; one side has to be a signal")
        left, right, operator = right, left, ORDER.get(operator, operator)
    signal = left.signal
    assert signal is not None
    assert isinstance(left.value, Ref)
    if isinstance(right.value, Ref):
        other = SIGNALS[right.value.signal]
        if other is signal:
            raise ExpressionError(at, f"{signal.name} is compared with itself")
        if signal.kind is not Kind.NUMBER or other.kind is not Kind.NUMBER:
            raise ExpressionError(at, "two signals can be compared only if both are numbers")
        return Compare(left.value, operator, right.value)
    if operator in ORDER and signal.kind is not Kind.NUMBER:
        raise ExpressionError(at, f"{left.form} has no order; use ==, != or in")
    _check_type(signal, right, at)
    if signal.kind is Kind.FLAG:  # x == false, x != true: one form for each of the two meanings
        flag = Compare(left.value, "==", Literal(True))
        return flag if right.value.value is (operator == "==") else Not(flag)
    return Compare(left.value, operator, right.value)


def _check_type(signal: Signal, right: Term, at: int) -> None:
    """Refuse a value that the signal can never have."""
    assert isinstance(right.value, Literal)
    value = right.value.value
    match signal.kind:
        case Kind.NUMBER:
            good = isinstance(value, float)
        case Kind.FLAG:
            good = isinstance(value, bool)
        case Kind.CHOICE | Kind.TEXT:
            good = isinstance(value, str)
        case Kind.LIST:
            raise ExpressionError(at, f'{signal.name} is a list; write "value" in {signal.name}')
    if not good:
        wants = {Kind.NUMBER: "a number", Kind.FLAG: "true or false"}.get(signal.kind, "a text in quotes")
        raise ExpressionError(right.at, f"{signal.name} is compared with {right.form}; it wants {wants}")
    if isinstance(value, str):
        _check_values(signal, Literal((value,)), right.at)


def _check_values(signal: Signal, values: Literal, at: int) -> None:
    if not signal.values:
        return
    assert isinstance(values.value, tuple)
    for value in values.value:
        if value not in signal.values:
            raise ExpressionError(at, f"{signal.name} is never {shown(value)}{nearest(value, signal.values)}")


def _contained(left: Term, right: Term, *, negated: bool) -> Condition:
    if right.signal is not None and right.signal.kind is Kind.LIST:
        if not isinstance(left.value, Literal) or not isinstance(left.value.value, str):
            raise ExpressionError(left.at, f"{right.signal.name} holds texts; {left.form} is none")
        values = Literal((left.value.value,))
        _check_values(right.signal, values, left.at)
        assert isinstance(right.value, Ref)
        found: Condition = AnyOf(right.value, values)
        return Not(found) if negated else found
    if left.signal is None or left.signal.kind not in (Kind.CHOICE, Kind.TEXT):
        raise ExpressionError(left.at, f"{left.form} cannot be in a list of texts; only a signal that is a text can")
    if not isinstance(right.value, Literal) or not isinstance(right.value.value, tuple):
        raise ExpressionError(right.at, f'{right.form} is no list; write {left.signal.name} in ["a", "b"]')
    _check_values(left.signal, right.value, right.at)
    assert isinstance(left.value, Ref)
    return Among(left.value, right.value, negated)
