"""Making the manifest of a model folder, or saying everything that keeps it from being one.

Caller: ``parjanya model bake``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parjanya.vision.artifact import golden, packages
from parjanya.vision.artifact.attest import Load
from parjanya.vision.artifact.digest import Progress
from parjanya.vision.artifact.examine import examine
from parjanya.vision.artifact.manifest import FORMAT, MOST_BYTES, NAME, Manifest
from parjanya.vision.artifact.problems import BakeRefusedError, Problem, shown

_MOST_TEXT = 300


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model came from, and what will run it, as whoever bakes it says. None: not said."""

    repo: str | None = None
    revision: str | None = None
    image_tag: str | None = None
    image_digest: str | None = None
    """``sha256:`` and 64 hex digits. Machines that run the model have to say the same (``PARJANYA_IMAGE_DIGEST``)."""


def bake(
    folder: Path,
    origin: Origin | None = None,
    *,
    scoring: Mapping[str, Any] | None = None,
    model: Load | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """The manifest of *folder*. Without *model* it holds no golden answers; the model is loaded only if all else is in order.

    Raises:
        BakeRefusedError: the folder is no complete model; everything that is wrong is listed.
    """
    origin = origin or Origin()
    found = examine(folder, weights_too=True, progress=progress)
    problems = found.problems + _said_wrong(origin)
    if problems:
        raise BakeRefusedError(str(folder), problems)
    answers = None
    if model is not None:
        answers, problems = _ask(model)
        if problems:
            raise BakeRefusedError(str(folder), problems)
    named = {"tag": origin.image_tag, "digest": origin.image_digest}
    manifest = Manifest(
        {
            "format": FORMAT,
            **found.document,
            "model": {"repo": origin.repo, "revision": origin.revision, **found.document["model"]},
            "packages": packages.versions(),
            "image": named if any(named.values()) else None,
            "scoring": dict(scoring) if scoring is not None else None,
            "golden": answers,
        }
    )
    if len(manifest.to_text()) > MOST_BYTES:
        raise BakeRefusedError(str(folder), [Problem("manifest", f"would have more than {MOST_BYTES} bytes")])
    return manifest


def write(manifest: Manifest, path: Path) -> None:
    """Write *manifest* to *path*: whole, or not at all. Raises OSError."""
    handle, temporary = tempfile.mkstemp(prefix=f".{NAME}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(manifest.to_text())
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _said_wrong(origin: Origin) -> list[Problem]:
    problems = []
    for name in ("repo", "revision", "image_tag", "image_digest"):
        text = getattr(origin, name)
        if text is not None and (not text.isprintable() or not 0 < len(text) <= _MOST_TEXT):
            problems.append(
                Problem(name.replace("_", " "), f"{shown(text, 40)} is not 1 to {_MOST_TEXT} printable characters")
            )
    if origin.image_digest is not None and not packages.DIGEST.fullmatch(origin.image_digest):
        words = f"{shown(origin.image_digest, 80)} is not sha256: and 64 hex digits"
        problems.append(Problem("image digest", words))
    return problems


def _ask(model: Callable[[], golden.Model]) -> tuple[dict[str, Any] | None, list[Problem]]:
    try:
        return golden.record(model())
    except Exception as error:  # noqa: BLE001 - a model that cannot be loaded or asked may fail in any way
        words = f"the model cannot be asked: {shown(f'{type(error).__name__}: {error}', 300)}"
        return None, [Problem("golden answers", words)]
