"""What is wrong with a model folder or a manifest, in words that a terminal and a log survive.

Callers: everything in this package.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tbie.core.errors import TbieError

SHOWN = 20
"""Problems that a message names; of the rest it says how many they are."""

_NAME_MAX = 120


class Problem(NamedTuple):
    """One thing that is wrong."""

    subject: str
    """``file NAME`` or the name of a component."""
    words: str
    """What is wrong with it, and what to do if that is not plain. Printable."""

    def __str__(self) -> str:
        return f"{self.subject}: {self.words}"


class ArtifactError(TbieError):
    """A manifest cannot be read, or is not one. The message says which, and what to do."""


class NoManifestError(ArtifactError):
    """There is no manifest in this place: `parjanya model bake` makes it."""


class EditedManifestError(ArtifactError):
    """A manifest was changed after it was made. It is never edited: bake the model again."""


class BakeRefusedError(ArtifactError):
    """The folder is no complete model: no manifest was written. ``problems`` has everything that is missing or wrong."""

    def __init__(self, folder: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        listed = "\n".join(f"  {line}" for line in bounded(map(str, self.problems)))
        super().__init__(f"{shown(folder)} is no complete model; nothing was written:\n{listed}")


def file(name: str) -> str:
    """The subject of a problem with the file *name*."""
    return f"file {shown(name)}"


def shown(name: str, most: int = _NAME_MAX) -> str:
    """*name* without what a terminal would obey, and no longer than *most* characters of it."""
    safe = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in name[:most]
    )
    return f"{safe}…" if len(name) > most else safe


def bounded(lines: Iterable[str], most: int = SHOWN) -> list[str]:
    """The first *most* of *lines*, and one for how many more there are."""
    known = list(lines)
    more = len(known) - most
    return [*known[:most], f"and {more} more"] if more > 0 else known
