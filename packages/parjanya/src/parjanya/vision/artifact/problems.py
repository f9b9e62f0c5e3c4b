"""What is wrong with a model folder or a manifest, in words that a terminal and a log survive.

Callers: everything in this package.
"""

from __future__ import annotations

from collections.abc import Iterable

from tbie.core.errors import TbieError

SHOWN = 20
"""Problems that a message names; of the rest it says how many they are."""

_NAME_MAX = 120


class ArtifactError(TbieError):
    """A manifest cannot be read, or is not one. The message says which, and what to do."""


class BakeRefusedError(ArtifactError):
    """The folder is no complete model: no manifest was written. ``problems`` has everything that is missing or wrong."""

    def __init__(self, folder: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{shown(folder)} cannot be baked: {'; '.join(bounded(self.problems))}")


def shown(name: str, most: int = _NAME_MAX) -> str:
    """*name* without what a terminal would obey, and no longer than a line."""
    safe = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in name[:most]
    )
    return f"{safe}…" if len(name) > most else safe


def bounded(problems: Iterable[str]) -> list[str]:
    """The first ``SHOWN`` of *problems*, and one line for how many more there are."""
    known = list(problems)
    more = len(known) - SHOWN
    return [*known[:SHOWN], f"and {more} more"] if more > 0 else known
