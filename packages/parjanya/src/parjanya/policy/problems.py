"""What is wrong with a policy document: where, what, and what would be right. All of it at once, not only the first.

Callers: everything that reads policies; ``cli`` prints the problems, one a line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tbie.core.errors import TbieError

MAX_PROBLEMS = 20
"""More are counted, not listed: they mostly follow from the first ones."""
MAX_SHOWN = 60
"""Characters of the document that a message repeats."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong. Lines and columns count from 1."""

    line: int
    column: int
    what: str

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return {"line": self.line, "column": self.column, "what": self.what}


class PolicyError(TbieError):
    """The document is not a policy, and nothing was activated. Each line says where, what, and what would be right."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source, self.problems = source, tuple(sorted(set(problems)))
        lines = [f"{source}:{p.line}:{p.column}: {p.what}" for p in self.problems[:MAX_PROBLEMS]]
        if len(self.problems) > MAX_PROBLEMS:
            lines.append(f"{source}: and {len(self.problems) - MAX_PROBLEMS} more problems")
        super().__init__("\n".join(lines))


class PolicyUnavailableError(TbieError):
    """The policy that is active cannot be had. Its images wait, and no other policy decides in its place."""


def shown(text: str) -> str:
    """*text* from a document as a message may repeat it: quoted, short, printable."""
    short = text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
    return "'" + "".join(c if c.isprintable() else "�" for c in short) + "'"


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` if something known is close, else a list of what there is."""
    names = list(known)
    close = difflib.get_close_matches(word[:MAX_SHOWN], names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; there are: {', '.join(names)}" if len(names) <= 20 else ""
