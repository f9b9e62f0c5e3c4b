"""The account of a run: one line for each event. Columns: seconds, depth, who, what, and how it went.

Callers: ``world`` notes, ``report`` prints. Kept only when somebody wants to read it: a run is repeatable.
"""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    """One line."""

    at_ms: int
    """Milliseconds since the world began, in true time."""
    depth: int
    """0: a turn of its own; deeper: in the middle of somebody else's."""
    who: str
    what: str
    outcome: str

    def __str__(self) -> str:
        who = "  " * self.depth + self.who
        return f"{self.at_ms / 1000:12.3f}  {who:<22} {self.what:<24} {self.outcome}".rstrip()


HEADER = f"{'seconds':>12}  {'who':<22} {'what':<24} outcome"
"""Above the lines."""
