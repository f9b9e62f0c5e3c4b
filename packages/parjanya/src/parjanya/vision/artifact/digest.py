"""Reading the files of a folder: their hashes, and the content of the small ones.

Callers: ``examine``. A file that changes while it is read has no hash: that is said, not guessed.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from parjanya.vision.artifact.folder import Stamp, open_file, stamp, stamp_of
from parjanya.vision.artifact.problems import Problem, file

CHUNK_BYTES = 1 << 20
"""Fits in a second-level cache: what is read is hashed before it leaves it."""
THREADS = 2
"""Beside a model that is being loaded, more would be in the way."""

Progress = Callable[[int, int], None]
"""Bytes read so far, bytes in all. Calls never overlap; they come from the threads that read."""


class ChangedError(OSError):
    """The file was changed or replaced while it was read."""

    def __init__(self) -> None:
        super().__init__("changed while it was read: let nobody write to the folder, then do it again")


@dataclass(frozen=True, slots=True)
class Digest:
    """What was read of one file."""

    sha256: str
    size: int


def digest(root: Path, name: str, expected: Stamp, told: Callable[[int], None] = lambda _: None) -> Digest:
    """The hash of the file *name*, which was *expected* when the folder was listed. *told* hears of bytes as they are read.

    Raises:
        OSError: it cannot be read, or changed meanwhile.
    """
    opened = open_file(root, name)
    try:
        _same(expected, stamp_of(os.fstat(opened)))
        hashed = hashlib.sha256()
        buffer = memoryview(bytearray(CHUNK_BYTES))
        done = 0
        while count := os.readv(opened, [buffer]):
            hashed.update(buffer[:count])
            done += count
            told(count)
            if done > expected.size:
                break
        _same(expected, stamp_of(os.fstat(opened)))
        _same(expected, stamp(root, name))  # another file may have been put in its place
    finally:
        os.close(opened)
    return Digest(hashed.hexdigest(), done)


def content(root: Path, name: str, expected: Stamp, most: int) -> bytes:
    """The whole of the file *name*.

    Raises:
        OSError: it cannot be read, is larger than *most* bytes, or changed meanwhile.
    """
    if expected.size > most:
        raise OSError(f"is {expected.size} bytes: a file of this name has at most {most}")
    opened = open_file(root, name)
    try:
        _same(expected, stamp_of(os.fstat(opened)))
        text = b""
        while len(text) <= expected.size and (more := os.read(opened, expected.size + 1 - len(text))):
            text += more
        _same(expected, stamp_of(os.fstat(opened)))
        _same(expected, stamp(root, name))
    finally:
        os.close(opened)
    return text


def digest_all(
    root: Path, files: Mapping[str, Stamp], progress: Progress | None = None
) -> tuple[dict[str, Digest], list[Problem]]:
    """The hashes of *files*, ``THREADS`` at a time, and what cannot be read."""
    total = sum(known.size for known in files.values())
    counted = _Count(progress, total)
    found: dict[str, Digest] = {}
    problems: list[Problem] = []
    order: Sequence[str] = sorted(
        files, key=lambda name: (-files[name].size, name)
    )  # the longest first: both end together

    def one(name: str) -> Digest | Problem:
        try:
            return digest(root, name, files[name], counted.add)
        except OSError as error:
            return unreadable(name, error)

    with ThreadPoolExecutor(THREADS, thread_name_prefix="digest") as pool:
        for name, came in zip(order, pool.map(one, order), strict=True):
            if isinstance(came, Problem):
                problems.append(came)
            else:
                found[name] = came
    return found, problems


def unreadable(name: str, error: OSError) -> Problem:
    """Why the file *name* could not be read."""
    said = error.strerror
    return Problem(file(name), f"cannot be read: {said.lower()}" if said else str(error))


def _same(expected: Stamp, found: Stamp) -> None:
    if expected != found:
        raise ChangedError


class _Count:
    """Adds up what several threads have read."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        if self._progress is None:
            return
        with self._lock:
            self._done += count
            self._progress(self._done, self._total)
