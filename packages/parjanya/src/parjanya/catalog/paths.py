"""Paths of the user as text that survives JSON, SQLite and URLs, and the way back.

Callers: ingestion writes keys, every stage that reads a source file turns one back into a path. A file name on Linux
is bytes, not text: two names may differ only in bytes that are not UTF-8, and both must reach their own file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_ESCAPE = re.compile("%([0-9A-F]{2})")


def path_to_key(path: bytes | str | Path) -> str:
    """*path* as a key: bytes that are not UTF-8 become ``%XX`` and a literal ``%`` becomes ``%25``; the rest is kept.

    The path is not resolved or normalised: what the user named is what is recorded. ``key_to_path`` is the inverse.
    """
    name = os.fsencode(path).decode("utf-8", "surrogateescape")
    return "".join(_escaped(character) for character in name)


def key_to_path(key: str) -> Path:
    """The path that *key* was made from, byte for byte.

    Raises:
        ValueError: *key* holds a ``%`` that ``path_to_key`` never writes, so it is not one of its keys.
    """
    pieces = _ESCAPE.split(key)
    if any("%" in text for text in pieces[::2]):
        raise ValueError(f"not a path key: {key!r}")
    name = b"".join(
        bytes([int(piece, 16)]) if index % 2 else piece.encode("utf-8") for index, piece in enumerate(pieces)
    )
    return Path(os.fsdecode(name))


def _escaped(character: str) -> str:
    if character == "%":
        return "%25"
    if "\udc80" <= character <= "\udcff":
        return f"%{ord(character) - 0xDC00:02X}"
    return character
