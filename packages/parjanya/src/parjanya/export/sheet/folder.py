"""Whose folder is this? The contact sheet writes into an empty folder or into one that carries its own marker.

Called by `writer`. Everything that is ever removed here matches a name that only this program gives; a note that
somebody put beside the sheet stays where it is.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from parjanya.export.files import ExportError, write_whole

MARKER = "parjanya-sheet.json"
INDEX = "index.html"
FORMAT = "parjanya-contact-sheet"
FORMAT_VERSION = 1

GENERATION = re.compile(r"[0-9a-f]{16}|\.new")
GENERATED = re.compile(r"[a-z][a-z0-9-]*\.(js|css)")
SHARD = re.compile(r"[0-9a-f]{2}")
MEDIUM = re.compile(r"[0-9a-f]{24}\.jpg")


class NotOurFolderError(ExportError):
    """The folder holds files that are not a contact sheet. Name another or an empty one; nothing was written."""


def claim(out: Path) -> None:
    """Make *out* ours: create it, or check that it is empty or carries our marker."""
    out.mkdir(parents=True, exist_ok=True)
    marker = out / MARKER
    if not marker.is_file():
        stranger = next(out.iterdir(), None)
        if stranger is not None:
            raise NotOurFolderError(
                f"{out} is not empty and not a contact sheet (it holds {stranger.name!r}); "
                "choose an empty folder, nothing was written"
            )
    content = {"format": FORMAT, "format_version": FORMAT_VERSION, "note": "Made by parjanya. Open index.html."}
    write_whole(marker, json.dumps(content, indent=1).encode() + b"\n", durable=False)


def remove_generation(folder: Path) -> None:
    """Remove one generation's scripts; a foreign file in it keeps the folder alive."""
    if not folder.is_dir() or folder.is_symlink():
        return
    for entry in folder.iterdir():
        if GENERATED.fullmatch(entry.name):
            entry.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def prune(out: Path, generation: str, media: set[str]) -> None:
    """Remove what earlier runs left: all but this *generation*, and pictures not in *media* (``ab/<name>.jpg``)."""
    for entry in (out / "sheet").iterdir():
        if entry.name != generation and GENERATION.fullmatch(entry.name):
            remove_generation(entry)
    for shard in (out / "media").iterdir():
        if not SHARD.fullmatch(shard.name) or shard.is_symlink():
            continue
        for picture in shard.iterdir():
            if MEDIUM.fullmatch(picture.name) and f"{shard.name}/{picture.name}" not in media:
                picture.unlink()
