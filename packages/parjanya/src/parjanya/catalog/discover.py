"""Finds images under the paths a user names. Hostile names, loops and unreadable folders are expected here.

A file is taken if its suffix is one of an image, or its first bytes say so; a file named directly is always taken, so
that it gets an answer. Everything else is counted by suffix and reported, never silently passed over.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from parjanya.catalog.items import Found
from parjanya.imaging.sniff import looks_like_an_image

_DECODED = (
    ".jpg .jpeg .mpo .jfif .png .apng .webp .tif .tiff .gif .bmp .dib .heic .heif .hif .heics .heifs .avif .avifs .jxl"
)
_RAW = ".dng .nef .nrw .cr2 .cr3 .crw .arw .sr2 .raf .rw2 .orf .pef .mrw .srw .3fr .iiq .x3f .erf .kdc .mos .rwl"
_REFUSED = ".psd .jp2 .j2k .jpx .ico .icns .svg .ppm .pgm .pnm .tga .dds .sgi .fli .msp .eps"
SUFFIXES = frozenset(f"{_DECODED} {_RAW} {_REFUSED}".split())
"""Suffixes that promise an image. Some name formats that are refused: the user is told so for each file."""

OURS = ("truth.db", "parjanya-sheet.json")
"""Files that mark a folder as made by this program: a home, a contact sheet (``export.sheet.folder.MARKER``)."""


@dataclass(slots=True)
class Walk:
    """What was passed over while walking, and why."""

    ignored: Counter[str] = field(default_factory=Counter)
    """Files that are not images, by suffix."""
    problems: list[tuple[str, str]] = field(default_factory=list)
    """(path, what is wrong) of what could not be looked at."""


def discover(paths: Iterable[Path], skip: Iterable[Path], walk: Walk) -> Iterator[Found]:
    """Files under *paths*, each once, in a stable order. *skip* are folders of ours."""
    seen: set[tuple[int, int]] = set()
    skipped = {os.path.realpath(path) for path in skip}
    for given in paths:
        path = Path(os.path.abspath(given))  # noqa: PTH100 - Path.absolute keeps "..", and resolving would follow links
        try:
            found = path.stat()
        except OSError as error:
            walk.problems.append((_display(path), _words(error)))
            continue
        if stat.S_ISDIR(found.st_mode):
            yield from _folder(path, seen, skipped, walk)
        else:
            yield Found(path, found.st_size, found.st_mtime_ns)


def _folder(folder: Path, seen: set[tuple[int, int]], skipped: set[str], walk: Walk) -> Iterator[Found]:
    stack = [folder]
    while stack:
        current = stack.pop()
        try:
            here = current.stat()
            if (here.st_dev, here.st_ino) in seen or os.path.realpath(current) in skipped:
                continue  # a loop of links, a folder named twice, or our own home
            if any((current / name).is_file() for name in OURS):
                walk.ignored["(made by this program)"] += 1
                continue  # another home, or a contact sheet of an earlier run: previews are not photographs
            seen.add((here.st_dev, here.st_ino))
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError as error:
            walk.problems.append((_display(current), _words(error)))
            continue
        folders = []
        for entry in entries:
            path = Path(entry.path)
            try:
                if _is_folder(entry):
                    folders.append(path)
                    continue
                wanted = _wanted(entry, path, walk)
                if wanted is not None:
                    yield wanted
            except OSError as error:
                walk.problems.append((_display(path), _words(error)))
        stack += reversed(folders)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        if entry.is_symlink():
            return False  # it leads in a circle: a file that nobody can read, which gets its reason like any other
        raise


def _wanted(entry: os.DirEntry[str], path: Path, walk: Walk) -> Found | None:
    suffix = path.suffix.lower()
    if entry.name.startswith("._") or entry.name == ".DS_Store":
        walk.ignored["._ (left by another system)"] += 1
        return None
    if entry.is_symlink() and not path.exists():
        found = entry.stat(follow_symlinks=False)
        return Found(path, found.st_size, found.st_mtime_ns) if suffix in SUFFIXES else None
    found = entry.stat()
    if suffix in SUFFIXES or (stat.S_ISREG(found.st_mode) and looks_like_an_image(path)):
        return Found(path, found.st_size, found.st_mtime_ns)
    walk.ignored[suffix or "(no suffix)"] += 1
    return None


def _display(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
