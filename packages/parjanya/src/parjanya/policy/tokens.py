"""Characters into tokens, each with its place. Words of Python and of CEL that mean the same become the same token."""

from __future__ import annotations

import re
from dataclasses import dataclass

from parjanya.policy.problems import shown

MAX_CHARACTERS = 2_000

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>-?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?(?![\w.]))"
    r"|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"
    r"|(?P<text>\"[^\"\\\n]*\"|'[^'\\\n]*')"
    r"|(?P<mark><=|>=|==|!=|&&|\|\||[<>!()\[\],])",
    re.ASCII,
)
_SAME = {"&&": "and", "||": "or", "!": "not", "True": "true", "False": "false"}
_INSTEAD = {
    "=": "compare with ==",
    "&": "write 'and'",
    "|": "write 'or'",
    '"': "the text does not end, or has a backslash in it",
    "'": "the text does not end, or has a backslash in it",
}


class ExpressionError(Exception):
    """What is wrong with an expression, and at which of its characters."""

    def __init__(self, at: int, what: str) -> None:
        super().__init__(what)
        self.at, self.what = at, what


@dataclass(frozen=True, slots=True)
class Token:
    """*kind*: number, name, text, mark, end. Words of the language (``and``, ``in``, …) are marks."""

    kind: str
    text: str
    at: int


_WORDS = frozenset({"and", "or", "not", "in", "true", "false"})


def tokens(text: str) -> list[Token]:
    """Every token of *text*, and one that says it ends.

    Raises:
        ExpressionError: something that the language does not have, or more of it than is read.
    """
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(0, f"the expression has {len(text)} characters; at most {MAX_CHARACTERS} are read")
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            hint = _INSTEAD.get(text[at])
            raise ExpressionError(at, f"{shown(text[at : at + 10])} is not understood" + (f"; {hint}" if hint else ""))
        word = _SAME.get(match[0], match[0])
        if match.lastgroup != "space":
            found.append(Token("mark" if word in _WORDS else match.lastgroup, word, at))
        at = match.end()
    return [*found, Token("end", "the end", len(text))]
