"""Reads a user's file: once, whole, read-only, and only if it is still the file that was taken in.

Callers: the stages ``technical`` and ``preview``. The file is the photographer's original: it is opened for reading
and nothing else, and a name that leads to a pipe or a device is refused before it is opened.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from parjanya.imaging.limits import Limits
from parjanya.imaging.refusal import ImageRefused

_CODES = {
    errno.ENOENT: ("source_missing", "no file is there"),
    errno.ENOTDIR: ("source_missing", "a part of the path is not a folder"),
    errno.ESTALE: ("source_missing", "the network share no longer knows the file"),
    errno.ENAMETOOLONG: ("source_missing", "the path is longer than this file system can have"),
    errno.EACCES: ("permission_denied", "this user may not read it"),
    errno.EPERM: ("permission_denied", "this user may not read it"),
    errno.ELOOP: ("symlink_loop", "its symbolic links lead to each other"),
    errno.ENXIO: ("not_a_regular_file", "a socket, or a device that is not there"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a file and their SHA-256 in hexadecimal."""

    data: bytes
    sha256: str


def read_source(path: Path, limits: Limits, size: int | None = None, mtime_ns: int | None = None) -> Source:
    """The file at *path*. *size* and *mtime_ns* are what ingestion saw; None means: not compared.

    Symbolic links to files are followed: photographers keep libraries of them.

    Raises:
        ImageRefused: ``source_missing``, ``source_changed``, ``source_unreadable``, ``permission_denied`` (all
            retriable), ``symlink_loop``, ``not_a_regular_file``, ``too_large``, ``empty_file``.
    """
    try:
        _check_kind(os.stat(path))  # noqa: PTH116 - before opening: to open a device is to use it
        # Non-blocking, because the name may have become a pipe since; never the controlling terminal.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            data = _read(handle, limits, size, mtime_ns)
        finally:
            os.close(handle)
    except OSError as error:
        raise _refusal(error) from error
    except ValueError as error:  # a NUL in the name
        raise ImageRefused("source_missing", f"no file can have this name: {error}", retriable=True) from error
    return Source(data, hashlib.sha256(data).hexdigest())


def _read(handle: int, limits: Limits, size: int | None, mtime_ns: int | None) -> bytes:
    before = os.fstat(handle)
    _check_kind(before)
    if (size is not None and before.st_size != size) or (mtime_ns is not None and before.st_mtime_ns != mtime_ns):
        evidence = {"size": [size, before.st_size], "mtime_ns": [mtime_ns, before.st_mtime_ns]}
        raise ImageRefused(
            "source_changed", "not the file that was taken in; ingest it again", retriable=True, evidence=evidence
        )
    if before.st_size > limits.max_file_bytes:
        raise ImageRefused("too_large", f"{before.st_size} bytes, at most {limits.max_file_bytes} are read")
    pieces: list[bytes] = []
    wanted = before.st_size
    while wanted > 0:
        piece = os.read(handle, wanted)
        if not piece:
            break
        pieces.append(piece)
        wanted -= len(piece)
    after = os.fstat(handle)
    same = (before.st_size, before.st_mtime_ns, before.st_ino) == (after.st_size, after.st_mtime_ns, after.st_ino)
    if wanted or not same:
        raise ImageRefused("source_changed", "somebody wrote to the file while it was read", retriable=True)
    if not before.st_size:
        raise ImageRefused("empty_file", "the file has no bytes")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _check_kind(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kinds = ((stat.S_ISDIR, "folder"), (stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"))
        name = next((name for test, name in kinds if test(found.st_mode)), "device")
        raise ImageRefused("not_a_regular_file", f"this is a {name}", evidence={"found": name})


def _refusal(error: OSError) -> ImageRefused:
    code, words = _CODES.get(error.errno or 0, ("source_unreadable", "reading it failed"))
    retriable = code not in ("symlink_loop", "not_a_regular_file")
    return ImageRefused(
        code,
        f"{words} ({error.strerror})",
        retriable=retriable,
        evidence={"errno": errno.errorcode.get(error.errno or 0)},
    )
