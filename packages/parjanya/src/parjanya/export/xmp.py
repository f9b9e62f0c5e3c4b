"""Writes sidecars beside the user's images: only when asked to, only ``.xmp`` files, one atomic step each.

Called by ``parjanya curate --xmp`` and ``parjanya export``. The image itself is never opened. What goes into the file
is decided in `parjanya.export.sidecar`; here are names, permissions, and the refusal to touch what is not understood.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parjanya.export import sidecar
from parjanya.export.files import replacing
from parjanya.export.record import ImageRecord
from parjanya.imaging import xmp

Naming = Literal["adobe", "darktable"]
Action = Literal["created", "updated", "unchanged", "refused"]

RAW_SUFFIXES = frozenset(
    (
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos"),
        *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    )
)
IMAGE_SUFFIXES = RAW_SUFFIXES | frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp"),
        *(".heic", ".heif", ".hif", ".avif", ".jxl", ".psd"),
    )
)


@dataclass(frozen=True, slots=True)
class SidecarResult:
    """What became of one sidecar. ``reason`` says why it was refused, or what the user should know (``warning``).

    ``kept`` names the values that a human had set and that therefore stayed: ``rating``, ``label``, ``pick``.
    """

    path: Path
    action: Action
    reason: str | None = None
    warning: str | None = None
    kept: tuple[str, ...] = ()


class SidecarWriter:
    """Writes the sidecars of one run; lists each folder once, to see which images share a name.

    ``adobe`` names ``IMG.xmp``, as Lightroom, Bridge, Capture One and digiKam read it beside a RAW file; ``darktable``
    names ``IMG.CR3.xmp``, which cannot collide.
    """

    def __init__(self, naming: Naming = "adobe") -> None:
        self._naming = naming
        self._listings: dict[Path, dict[bytes, list[str]]] = {}

    def write(self, record: ImageRecord) -> SidecarResult:
        """Create, update or leave the sidecar of *record*; a refusal is an answer and leaves the file untouched."""
        path, warning = self.path_for(record.source)
        try:
            before, state = _read(path)
            merged = sidecar.merge(before, record)
            if before is not None and merged.content == before:
                return SidecarResult(path, "unchanged", None, warning, merged.kept)
            _replace(path, merged.content, state, record.source)
        except xmp.XmpRefused as refusal:
            return SidecarResult(path, "refused", f"{refusal.code}: {refusal}", warning)
        except OSError as error:
            return SidecarResult(path, "refused", f"sidecar_not_writable: {error.strerror or error}", warning)
        return SidecarResult(path, "created" if before is None else "updated", None, warning, merged.kept)

    def path_for(self, source: Path) -> tuple[Path, str | None]:
        """Where the sidecar of *source* lies, and a warning when another image would claim the same name."""
        whole = source.with_name(f"{source.name}.xmp")
        if self._naming == "darktable":
            return whole, None
        rivals = sorted(self._same_stem(source), key=lambda name: (Path(name).suffix.lower() not in RAW_SUFFIXES, name))
        if len(rivals) > 1 and rivals[0] != source.name:
            return whole, f"{rivals[0]} has the same name; {source.with_suffix('.xmp').name} is its sidecar"
        return source.with_suffix(".xmp"), None

    def _same_stem(self, source: Path) -> list[str]:
        folder = source.parent
        if folder not in self._listings:
            listing: dict[bytes, list[str]] = {}
            for name in os.listdir(folder) if folder.is_dir() else ():  # noqa: PTH208 - names, not ten thousand Paths
                stem, suffix = os.path.splitext(name)  # noqa: PTH122
                if suffix.lower() in IMAGE_SUFFIXES:
                    listing.setdefault(os.fsencode(stem), []).append(name)
            self._listings[folder] = listing
        return self._listings[folder].get(os.fsencode(source.stem), [])


def write_sidecar(record: ImageRecord, naming: Naming = "adobe") -> SidecarResult:
    """Write one sidecar; `SidecarWriter` does the same for many and lists each folder only once."""
    return SidecarWriter(naming).write(record)


def _read(path: Path) -> tuple[bytes | None, os.stat_result | None]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None, None
    except OSError as error:
        if path.is_symlink():
            raise xmp.XmpRefused("sidecar_not_a_file", "is a symbolic link; its target is not touched") from error
        raise
    with os.fdopen(descriptor, "rb") as stream:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise xmp.XmpRefused("sidecar_not_a_file", "is not a regular file")
        return stream.read(xmp.MAX_BYTES + 1), state


def _replace(path: Path, content: bytes, state: os.stat_result | None, source: Path) -> None:
    """Put *content* at *path*, with the permissions it had, or those of the image for a new one."""
    mode = stat.S_IMODE((state or source.stat()).st_mode) & 0o666
    with replacing(path, mode=mode) as stream:
        stream.write(content)
        owner = state or source.stat()
        if os.geteuid() == 0:  # root must not take the file away from its owner
            os.fchown(stream.fileno(), owner.st_uid, owner.st_gid)
        if not _untouched(path, state):
            raise xmp.XmpRefused("sidecar_changed", "was changed by another program at the same moment; run again")


def _untouched(path: Path, before: os.stat_result | None) -> bool:
    try:
        now = path.lstat()
    except FileNotFoundError:
        return before is None
    if before is None:
        return False
    return (now.st_ino, now.st_size, now.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns)
