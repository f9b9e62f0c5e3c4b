"""What came from outside and is none of ours, as a value: refused with a reason, never raised. Pure.

Callers: parsers of events and queues, which make them; ``tbie.refused``, which keeps them for a diagnosis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

MOST_SHOWN = 200
"""Characters of a stranger's value that a log line or a document repeats."""


class Refusal(NamedTuple):
    """Something that is not what it should be; ``code`` is stable, ``name`` is how its sender's system calls the record."""

    code: str
    name: str | None
    evidence: str
    """What was found instead, shortened and escaped."""


Refusing = Callable[[str, Sequence[Refusal]], None]
"""Told the component that refused and what; does not raise."""


def ignore(_component: str, _refused: Sequence[Refusal]) -> None:
    """For those who keep nothing."""


def excerpt(text: str) -> str:
    """*text* for a log or a document: its beginning, escaped."""
    return ascii(text[:MOST_SHOWN])[1:-1]
