"""Text into a typed condition, in one pass: names are looked up and types compared where they stand.

    expression = and-list { or and-list }      and-list = negation { and negation }
    negation   = [not] comparison              comparison = term { operator term }      (chains: 0.1 <= x < 0.2)
    term       = name | number | "text" | list | known(x) | between(x, a, b) | any_of(list, [values]) | ( expression )

So a misspelt signal, a misspelt value of a signal and a number compared with a text are errors of the document, never
surprises of an image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from parjanya.policy.comparing import ORDER, Term, called, compared
from parjanya.policy.problems import nearest, shown
from parjanya.policy.signals import SIGNALS, Kind
from parjanya.policy.tokens import ExpressionError, Token, tokens
from parjanya.policy.tree import (
    Always,
    And,
    Compare,
    Condition,
    Literal,
    Or,
    Plain,
    Ref,
    joined,
    negated,
)

MAX_DEPTH = 20
MAX_TOKENS = 600

_COMPARISONS = frozenset({*ORDER, "==", "!=", "in", "not"})
_FUNCTIONS = ("known", "between", "any_of")


Parsed = Term | Condition


def parse(text: str, constants: Mapping[str, Plain]) -> tuple[Condition, frozenset[str]]:
    """The condition that *text* is, and the constants that it names.

    Raises:
        ExpressionError: it is none; with the character and with what would be right.
    """
    found = tokens(text)
    if len(found) > MAX_TOKENS:
        raise ExpressionError(found[MAX_TOKENS].at, f"the expression has more than {MAX_TOKENS} words; split the rule")
    parser = _Parser(found, constants)
    condition = parser.condition(parser.disjunction(), 0)
    if parser.token.kind != "end":
        raise ExpressionError(
            parser.token.at, f"{shown(parser.token.text)} is not expected here; 'and' or 'or' missing?"
        )
    return condition, frozenset(parser.named)


class _Parser:
    def __init__(self, found: list[Token], constants: Mapping[str, Plain]) -> None:
        self._tokens, self._at, self._depth = found, 0, 0
        self._constants = constants
        self.named: set[str] = set()

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self.token
        if token.kind != "end":
            self._at += 1
        return token

    def _is(self, mark: str) -> bool:
        return self.token.kind == "mark" and self.token.text == mark

    def _expect(self, mark: str) -> None:
        if not self._is(mark):
            raise ExpressionError(self.token.at, f"'{mark}' is expected here, not {shown(self.token.text)}")
        self._take()

    def disjunction(self) -> Parsed:
        return self._chain("or", Or, self._conjunction)

    def _conjunction(self) -> Parsed:
        return self._chain("and", And, self._negation)

    def _chain(self, word: str, kind: type[And] | type[Or], read: Callable[[], Parsed]) -> Parsed:
        at = self.token.at
        first = read()
        if not self._is(word):
            return first
        parts = [self.condition(first, at)]
        while self._is(word):
            self._take()
            at = self.token.at
            parts.append(self.condition(read(), at))
        return joined(And, parts) if kind is And else joined(Or, parts)

    def _negation(self) -> Parsed:
        negations = 0
        while self._is("not"):
            self._take()
            negations += 1
        at = self.token.at
        found = self._comparison()
        if not negations:
            return found
        condition = self.condition(found, at)
        return negated(condition) if negations % 2 else condition

    def _comparison(self) -> Parsed:
        at = self.token.at
        left = self._term()
        parts: list[Condition] = []
        while self.token.kind == "mark" and self.token.text in _COMPARISONS:
            operator = self._take()
            word = operator.text
            if word == "not":
                self._expect("in")
                word = "not in"
            right_at = self.token.at
            right = self._term()
            if not isinstance(left, Term) or not isinstance(right, Term):
                which = right_at if isinstance(left, Term) else at
                raise ExpressionError(which, "a condition cannot be compared; combine conditions with and, or, not")
            parts.append(compared(left, word, right, operator.at))
            left = right
        return joined(And, parts) if parts else left

    def _term(self) -> Parsed:
        token = self._take()
        if token.kind == "mark" and token.text in ("(", "["):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise ExpressionError(token.at, f"nested more than {MAX_DEPTH} deep; use constants or more rules")
            found = self._parenthesis() if token.text == "(" else self._list(token.at)
            self._depth -= 1
            return found
        if token.kind == "name":
            return self._call(token) if self._is("(") else self._name(token)
        value = _literal(token)
        if value is None:
            raise ExpressionError(token.at, f"a signal, a value or '(' is expected here, not {shown(token.text)}")
        return Term(token.at, Literal(value), shown(token.text) if token.kind == "text" else token.text)

    def _parenthesis(self) -> Parsed:
        found = self.disjunction()
        self._expect(")")
        return found

    def _list(self, at: int) -> Term:
        values: list[str] = []
        while not self._is("]"):
            token = self._take()
            if token.kind != "text":
                raise ExpressionError(token.at, 'a list holds texts in quotes: ["slide", "poster"]')
            values.append(token.text[1:-1])
            if not self._is("]"):
                self._expect(",")
        self._take()
        if not values:
            raise ExpressionError(at, "an empty list; nothing is in it")
        return Term(at, Literal(tuple(dict.fromkeys(values))), "a list")

    def _name(self, token: Token) -> Term:
        if token.text in SIGNALS:
            return Term(token.at, Ref(token.text), f"{token.text} ({SIGNALS[token.text].kind.value})")
        if token.text in self._constants:
            self.named.add(token.text)
            return Term(token.at, Literal(self._constants[token.text], token.text), token.text)
        names = [*SIGNALS, *self._constants]
        raise ExpressionError(token.at, f"no signal or constant {shown(token.text)}{nearest(token.text, names)}")

    def _call(self, token: Token) -> Condition:
        if token.text not in _FUNCTIONS:
            raise ExpressionError(token.at, f"no function {shown(token.text)}{nearest(token.text, _FUNCTIONS)}")
        self._take()
        arguments: list[Term] = []
        while not self._is(")"):
            at = self.token.at
            argument = self._term()
            if not isinstance(argument, Term):
                raise ExpressionError(at, f"{token.text} takes signals and values, not conditions")
            arguments.append(argument)
            if not self._is(")"):
                self._expect(",")
        self._take()
        return called(token, arguments)

    def condition(self, found: Parsed, at: int) -> Condition:
        """*found* where something true or false is wanted."""
        if not isinstance(found, Term):
            return found
        if isinstance(found.value, Literal) and isinstance(found.value.value, bool):
            return Always(found.value.value, found.value.constant)
        if found.signal is not None and found.signal.kind is Kind.FLAG:
            return Compare(Ref(found.signal.name), "==", Literal(True))
        raise ExpressionError(
            found.at if at == 0 else at, f"{found.form} is neither true nor false; compare it with something"
        )


def _literal(token: Token) -> Plain | None:
    if token.kind == "number":
        return float(token.text)
    if token.kind == "text":
        return token.text[1:-1]
    if token.kind == "mark" and token.text in ("true", "false"):
        return token.text == "true"
    return None
