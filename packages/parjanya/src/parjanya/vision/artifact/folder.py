"""What lies in a model folder, and how a file of it is opened: nothing outside of it, nothing that is no plain file.

Callers: ``examine`` and ``Attestor``. A folder may be hostile: a link out of it, a loop of links, a pipe that never ends, a
hundred thousand files. What is refused is said by name; the rest is still listed, so that everything is said at once.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from parjanya.vision.artifact.manifest import NAME
from parjanya.vision.artifact.problems import Problem, file, shown

MOST_ENTRIES = 2_000
"""Models of hundreds of billions of parameters come in a few hundred files."""
MOST_DEPTH = 4


class Stamp(NamedTuple):
    """What the file system says of a file: as long as it is the same, the content is."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int


@dataclass(slots=True)
class Listing:
    """The files of a folder, and what in it cannot be one."""

    files: dict[str, Stamp] = field(default_factory=dict)
    """By name relative to the folder, with ``/``; sorted. Without the manifest itself."""
    problems: list[Problem] = field(default_factory=list)


def list_folder(root: Path) -> Listing:
    """What is in *root*; stops after ``MOST_ENTRIES``. Opens no file."""
    listing = Listing()
    budget = iter(range(MOST_ENTRIES))
    real = Path(os.path.realpath(root))
    if not real.is_dir():
        listing.problems.append(Problem("folder", f"{shown(str(root))} is no folder"))
        return listing
    _list(real, "", 0, listing, budget)
    if next(budget, None) is None:
        listing.problems.append(Problem("folder", f"it has {MOST_ENTRIES} entries or more: that is no model folder"))
    listing.files = {name: listing.files[name] for name in sorted(listing.files)}
    return listing


def _list(real: Path, inside: str, depth: int, listing: Listing, budget: Iterator[int]) -> None:
    try:
        with os.scandir(real / inside) as found:
            entries = sorted((entry for entry, _ in zip(found, budget, strict=False)), key=lambda entry: entry.name)
    except OSError as error:
        listing.problems.append(Problem(f"folder {shown(inside) or '.'}", f"cannot be listed: {_words(error)}"))
        return
    for entry in entries:
        name = f"{inside}/{entry.name}" if inside else entry.name
        if name == NAME:
            continue
        try:
            _note(real, entry, name, depth, listing, budget)
        except RefusedError as error:
            listing.problems.append(Problem(file(name), str(error)))
        except OSError as error:
            listing.problems.append(Problem(file(name), f"cannot be read: {_words(error)}"))


def _note(real: Path, entry: os.DirEntry[str], name: str, depth: int, listing: Listing, budget: Iterator[int]) -> None:
    """Note what *entry* is. Raises RefusedError, OSError."""
    if not entry.name.isprintable():
        raise RefusedError("has a name that is not printable")
    if entry.is_dir(follow_symlinks=False):
        if entry.name.startswith("."):
            raise RefusedError(
                "is a hidden folder, as downloads and version control leave them: no part of a model, delete it"
            )
        if depth + 1 >= MOST_DEPTH:
            raise RefusedError(f"is a folder more than {MOST_DEPTH} levels deep")
        _list(real, name, depth + 1, listing, budget)
        return
    seen = (real / _resolve(real, name)).stat() if entry.is_symlink() else entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(seen.st_mode):
        raise RefusedError("is no plain file")
    listing.files[name] = stamp_of(seen)


class RefusedError(OSError):
    """What has this name is no part of a folder that is read. The message says why."""


def open_file(root: Path, name: str) -> int:
    """A descriptor of the file *name* inside of *root*, for reading; never waits for a pipe.

    Raises:
        OSError: it is not there, leads out of the folder, is no plain file, or may not be read.
    """
    real = Path(os.path.realpath(root))
    *folders, last = _resolve(real, name).parts
    at = os.open(real, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            os.close(at)
            at = inner
        opened = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise RefusedError("is no plain file")
    return opened


def stamp(root: Path, name: str) -> Stamp:
    """What the file system says of *name* now, links followed. Raises OSError."""
    return stamp_of((root / name).stat())


def stamp_of(seen: os.stat_result) -> Stamp:
    """The stamp in what ``stat`` returned."""
    return Stamp(seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino, seen.st_dev)


def _resolve(real: Path, name: str) -> Path:
    """Where *name* leads, relative to *real*, with every link followed."""
    try:
        target = Path(os.path.realpath(real / name, strict=True))
    except FileNotFoundError:
        if (real / name).is_symlink():
            raise RefusedError("is a link that leads nowhere") from None
        raise
    except OSError as error:
        if (real / name).is_symlink():
            raise RefusedError("is a link that leads in a circle") from error
        raise
    if not target.is_relative_to(real) or target == real:
        raise RefusedError(
            "is a link that leads out of the folder (a download cache keeps its files elsewhere): "
            "copy the folder with its links followed, as `cp -rL` does"
        )
    return target.relative_to(real)


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
