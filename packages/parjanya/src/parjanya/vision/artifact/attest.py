"""Whether a model folder, and this machine, are what a manifest declares; if not, what differs, in words.

Callers: an engine (``Attestor``: in full when its process starts, then what is cheap), ``parjanya model verify``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from parjanya.vision.artifact.golden import Model
from parjanya.vision.artifact.manifest import Manifest
from tbie.execution import Drift

Progress = Callable[[int, int], None]
"""Bytes read so far, bytes in all. Called from one thread."""


class Level(StrEnum):
    """How closely to look."""

    QUICK = "quick"
    """Every size, the content of everything but the weights, the headers of the weights, versions. Below a second."""
    FULL = "full"
    """Also the content of the weights: every byte of the folder is read."""
    GOLDEN = "golden"
    """Also what the model answers. Needs the model."""


def attest(
    folder: Path,
    manifest: Manifest,
    level: Level = Level.FULL,
    *,
    scoring: Mapping[str, Any] | None = None,
    model: Callable[[], Model] | None = None,
    progress: Progress | None = None,
) -> Drift | None:
    """How *folder* and this machine differ from *manifest*; None if they do not. Never raises for what is in the folder.

    *scoring* is what this process would ask and how (None: not compared). *model* loads the model; it is called only at
    ``GOLDEN``, and only if nothing else differs: a folder that is not what was declared is not loaded.
    """
    raise NotImplementedError


class Attestor:
    """The same for a process that lives: ``at_boot`` looks at everything, ``again`` at what has changed since.

    Not thread-safe.
    """

    def __init__(self, folder: Path, manifest: Manifest, scoring: Mapping[str, Any] | None = None) -> None:
        self.manifest = manifest
        self._folder, self._scoring = folder, scoring

    def at_boot(self, model: Callable[[], Model] | None = None, progress: Progress | None = None) -> Drift | None:
        """Every byte, every version and, with *model* and if the manifest holds them, golden answers."""
        raise NotImplementedError

    def again(self) -> Drift | None:
        """Whether a file has been touched since; one that has is read again. Costs one look at each file's record."""
        raise NotImplementedError
