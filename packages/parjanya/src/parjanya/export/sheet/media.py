"""Puts thumbnails and previews into the contact sheet: hard links where the disk allows, copies where not.

Called by `writer`. A link costs nothing, so ten thousand previews do not double the disk; the object store never
changes a stored file in place, and neither does this module. 256 shards keep every folder small enough to list.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from parjanya.export.files import write_whole
from parjanya.export.record import ImageRecord, Picture
from tbie.core.errors import ObjectError


class Media:
    """The pictures of one sheet. ``missing`` counts those that were promised and could not be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.used: set[str] = set()
        self.missing = 0

    def place(self, record: ImageRecord, kind: str, picture: Picture | None) -> str | None:
        """Bring *picture* in; the answer is ``ab/<name>.jpg`` below the media folder, None when there is none."""
        if picture is None:
            return None
        try:
            name = self._link(picture) if isinstance(picture, Path) else self._write(record, kind, picture())
        except (OSError, ObjectError):
            # the sheet is worth having without this preview; the page says how many are missing
            self.missing += 1
            return None
        self.used.add(name)
        return name

    def _link(self, source: Path) -> str:
        state = source.stat()
        name = _name(f"{source}\0{state.st_size}\0{state.st_mtime_ns}".encode("utf-8", "surrogateescape"))
        target = self._target(name)
        if not target.exists():
            try:
                os.link(source, target)
            except OSError:  # another disk, or a file system without links
                partial = target.with_suffix(".part")
                shutil.copyfile(source, partial)
                partial.replace(target)
        return name

    def _write(self, record: ImageRecord, kind: str, content: bytes) -> str:
        identity = f"{record.tenant}\0{record.id}\0{kind}\0".encode("utf-8", "surrogateescape")
        name = _name(identity + hashlib.sha256(content).digest())
        target = self._target(name)
        if not target.exists():
            write_whole(target, content, durable=False)
        return name

    def _target(self, name: str) -> Path:
        target = self._folder / name
        target.parent.mkdir(exist_ok=True)
        return target


def _name(identity: bytes) -> str:
    digest = hashlib.sha256(identity).hexdigest()
    return f"{digest[:2]}/{digest[2:26]}.jpg"
