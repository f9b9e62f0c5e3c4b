"""Whole files or none: every exporter writes through here.

A reader sees the old file or the new one, never half of one; a crash leaves at most a hidden ``.parjanya-*`` temporary
beside it. The rename is made durable by syncing the folder as well as the file.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tbie.core.errors import TbieError

DEFAULT_MODE = 0o644


class ExportError(TbieError):
    """Nothing was exported, or only what the message names; the message says what to do."""


@contextmanager
def replacing(target: Path, *, mode: int = DEFAULT_MODE, durable: bool = True) -> Iterator[BinaryIO]:
    """A binary file that takes the place of *target* when the block ends well and vanishes when it does not.

    *mode* is the permission of the new file. *durable* waits for the disk: leave it on for what cannot be made again.
    """
    handle, name = tempfile.mkstemp(prefix=".parjanya-", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            if durable:
                os.fsync(stream.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(target.parent)


def write_whole(target: Path, content: bytes, *, mode: int = DEFAULT_MODE, durable: bool = True) -> None:
    """Put *content* at *target* in one step."""
    with replacing(target, mode=mode, durable=durable) as stream:
        stream.write(content)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
