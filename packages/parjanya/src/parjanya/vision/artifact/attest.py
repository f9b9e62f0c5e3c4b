"""Whether a model folder, and this machine, are what a manifest declares; if not, what differs, in words.

Callers: an engine (``Attestor``: in full when its process starts, then what is cheap), ``parjanya model verify``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from parjanya.vision.artifact import compare, golden, packages
from parjanya.vision.artifact.compare import Difference
from parjanya.vision.artifact.digest import Progress
from parjanya.vision.artifact.examine import Examined, examine
from parjanya.vision.artifact.folder import Stamp, list_folder
from parjanya.vision.artifact.golden import Model
from parjanya.vision.artifact.manifest import Manifest
from parjanya.vision.artifact.problems import file, shown
from parjanya.vision.artifact.weights import SUFFIX
from tbie.execution import Drift

Load = Callable[[], Model]
"""Loads the model, or gives the one that is loaded."""


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
    model: Load | None = None,
    progress: Progress | None = None,
) -> Drift | None:
    """How *folder* and this machine differ from *manifest*; None if they do not. Never raises for what is in the folder.

    *scoring* is what this process would ask and how (None: not compared). *model* loads the model; it is called only at
    ``GOLDEN``, and only if nothing else differs: a folder that is not what was declared is not loaded.
    """
    found = examine(folder, level is not Level.QUICK, progress)
    differ = _differ(manifest, found, scoring)
    if differ is not None or level is not Level.GOLDEN:
        return differ
    return _golden(manifest, model)


class Attestor:
    """The same for a process that lives: ``at_boot`` looks at everything, ``again`` at what has changed since.

    Not thread-safe.
    """

    def __init__(self, folder: Path, manifest: Manifest, scoring: Mapping[str, Any] | None = None) -> None:
        """For *scoring* see ``attest``."""
        self.manifest = manifest
        self._folder, self._scoring = folder, scoring
        self._seen: Mapping[str, Stamp] | None = None
        self._folder_drift: Drift | None = None
        self._golden_drift: Drift | None = None

    def at_boot(self, model: Load | None = None, progress: Progress | None = None) -> Drift | None:
        """Every byte, every version and, with *model* and if the manifest holds them, golden answers.

        Asked again by a process that was told of a drift, it reads nothing as long as the folder has not changed.
        """
        known = self._folder_drift or self._golden_drift
        if known is not None and self._seen == list_folder(self._folder).files:
            return known
        self._golden_drift = None
        self._look(weights_too=True, progress=progress)
        if self._folder_drift is None and model is not None and self.manifest.has_golden:
            self._golden_drift = _golden(self.manifest, model)
        return self._folder_drift or self._golden_drift

    def again(self) -> Drift | None:
        """Whether a file has been touched since; one that has is read again. Costs one look at each file's record.

        What is wrong stays wrong until the folder changes; an answer that was not golden stays so until a new process asks.
        """
        if self._seen is None:
            return self.at_boot()
        now = list_folder(self._folder).files
        if now != self._seen:
            touched = {name for name in now.keys() | self._seen.keys() if now.get(name) != self._seen.get(name)}
            # what was wrong may have been in the weights: only reading them again can say that it no longer is
            self._look(weights_too=self._folder_drift is not None or any(name.endswith(SUFFIX) for name in touched))
        return self._folder_drift or self._golden_drift

    def untouched(self) -> Drift | None:
        """Whether every file is the one that was last looked at: to be asked after the model was loaded.

        Without it a file that is exchanged after it was hashed, and put back later, would be loaded under a good name.
        """
        seen, now = self._seen or {}, list_folder(self._folder).files
        touched = sorted(name for name in now.keys() | seen.keys() if now.get(name) != seen.get(name))
        words = "touched after it was read and before the model was loaded: let nobody write to the folder"
        return compare.drift((file(name), "left alone", words) for name in touched)

    def _look(self, weights_too: bool, progress: Progress | None = None) -> None:
        found = examine(self._folder, weights_too, progress)
        self._seen = found.stamps
        self._folder_drift = _differ(self.manifest, found, self._scoring)


def _differ(manifest: Manifest, found: Examined, scoring: Mapping[str, Any] | None) -> Drift | None:
    return compare.drift(_differences(manifest, found, scoring), found.problems)


def _differences(manifest: Manifest, found: Examined, scoring: Mapping[str, Any] | None) -> Iterator[Difference]:
    yield from compare.files(manifest.files, found.document["files"])
    for name, here in found.document.items():
        if name != "files":
            there = {k: v for k, v in manifest.part(name).items() if name != "model" or k not in ("repo", "revision")}
            yield from compare.values(name.replace("_", " "), there, here)
    for library, version in manifest.part("packages").items():
        if version is not None:  # what was not there when the model was baked is not bound
            yield from compare.values(f"package {shown(library, 40)}", version, packages.versions().get(library))
    yield from _image(manifest.part("image"))
    if scoring is not None and manifest.scoring:
        yield from compare.values("scoring", manifest.scoring, scoring)


def _image(declared: Mapping[str, Any]) -> Iterator[Difference]:
    digest = declared.get("digest")
    if digest is None:
        return
    found = packages.image_digest()
    if found is None:
        yield "image", shown(str(digest), 80), f"unknown: {packages.IMAGE_DIGEST} is not set on this machine"
    elif found != digest:
        yield "image", shown(str(digest), 80), shown(found, 80)


def _golden(manifest: Manifest, model: Load | None) -> Drift | None:
    if not manifest.has_golden:
        return Drift({"golden answers": (None, "nothing to compare with: the manifest was baked without any")})
    if model is None:
        return Drift({"golden answers": ("some", "not asked: there is no model to ask on this machine")})
    try:
        return compare.drift(golden.compare(manifest.part("golden"), model()))
    except Exception as error:  # noqa: BLE001 - a model that cannot be loaded or asked may fail in any way
        return Drift(
            {"golden answers": ("some", f"the model cannot be asked: {shown(f'{type(error).__name__}: {error}', 300)}")}
        )
