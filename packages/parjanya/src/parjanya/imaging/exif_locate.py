"""Finds EXIF, GPS and XMP in a file without decoding it. Every format hides them elsewhere.

Callers: ``decode``, which needs the orientation before pixels, and ``exif``, which reads the fields. For PNG, WebP,
HEIF and AVIF the decoder has parsed the container already and hands the EXIF block over.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from parjanya.imaging.boxes import boxes
from parjanya.imaging.sniff import Kind
from parjanya.imaging.tiff import Directory, Tiff

_EXIF_IFD, _GPS_IFD, _XMP, _PANASONIC_JPEG = 0x8769, 0x8825, 0x02BC, 0x002E
_EXIF_HEAD, _XMP_HEAD = b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0"
_CR3_UUID = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_BY_DECODER = frozenset(("PNG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "JXL"))
MAX_JPEG_SEGMENTS = 500
MAX_XMP_BYTES = 1 << 20


@dataclass(slots=True)
class Metadata:
    """Where the fields are: the main, EXIF and GPS directories, and the XMP packet. Each may be absent."""

    main: Directory | None = None
    exif: Directory | None = None
    gps: Directory | None = None
    xmp: bytes | None = None
    orientation_written: int | None = None
    """What the file says where the decoder has turned the picture and corrected its copy of the block."""
    structures: list[Tiff] = field(default_factory=list)

    @property
    def damaged(self) -> bool:
        """Whether something is there that could not be read. True only after fields were asked for."""
        return any(tiff.problems for tiff in self.structures)


def locate(data: bytes, kind: Kind, block: bytes | None = None) -> Metadata:
    """The metadata of the file *data*. *block* is an EXIF block that a decoder found in its container."""
    if block is not None:
        return _of_tiff(_without_head(block))
    if kind.format in _BY_DECODER:
        return Metadata()
    reader = _READERS.get(kind.raw_kind or kind.format, _of_tiff)
    return reader(data)


def _without_head(block: bytes) -> bytes:
    return block[6:] if block.startswith(_EXIF_HEAD) else block


def _of_tiff(data: bytes | memoryview) -> Metadata:
    tiff = Tiff(data)
    found = Metadata(structures=[tiff], main=tiff.first())
    if not tiff.order:
        tiff.problems.add(0)
    if found.main is not None:
        found.exif = next(found.main.children(_EXIF_IFD), None)
        found.gps = next(found.main.children(_GPS_IFD), None)
        found.xmp = found.main.raw(_XMP)
    return found


def _of_jpeg(data: bytes, start: int = 0, end: int | None = None) -> Metadata:
    found, xmp = Metadata(), None
    for payload_at, payload_end in islice(_app1_segments(data, start, len(data) if end is None else end), 50):
        if data.startswith(_EXIF_HEAD, payload_at) and found.main is None:
            found = _of_tiff(data[payload_at + 6 : payload_end])
        elif data.startswith(_XMP_HEAD, payload_at) and xmp is None:
            xmp = data[payload_at + len(_XMP_HEAD) : payload_end]
    found.xmp = xmp
    return found


def _app1_segments(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    at = start + 2
    for _ in range(MAX_JPEG_SEGMENTS):
        while at + 1 < end and data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1  # fill bytes
        if at + 4 > end or data[at] != 0xFF or data[at + 1] in (0xDA, 0xD9):
            return
        length = struct.unpack_from(">H", data, at + 2)[0]
        if data[at + 1] == 0xE1:
            yield at + 4, min(at + 2 + length, end)
        at += 2 + length


def _of_raf(data: bytes) -> Metadata:
    if len(data) < 92:
        return Metadata()
    at, length = struct.unpack_from(">II", data, 84)  # the embedded JPEG carries the EXIF
    return _of_jpeg(data, at, min(at + length, len(data))) if at < len(data) else Metadata()


def _of_mrw(data: bytes) -> Metadata:
    for at, length, name in _mrw_blocks(data):
        if name == b"\0TTW":
            return _of_tiff(data[at : at + length])
    return Metadata()


def _mrw_blocks(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at, end = 8, min(len(data), 8 + int.from_bytes(data[4:8], "big"))
    for _ in range(64):
        if at + 8 > end:
            return
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        yield at + 8, length, name
        at += 8 + length


def _of_rw2(data: bytes) -> Metadata:
    outer = _of_tiff(data)
    inner = outer.main.raw(_PANASONIC_JPEG) if outer.main is not None and outer.exif is None else None
    if inner is None:
        return outer
    found = _of_jpeg(inner)
    return found if found.main is not None else outer


def _of_cr3(data: bytes) -> Metadata:
    found = Metadata()
    for kind, start, end in boxes(data, 0, len(data)):
        if kind != b"moov":
            continue
        for inner, inner_at, inner_end in boxes(data, start, min(end, len(data))):
            if inner == b"uuid" and data[inner_at : inner_at + 16] == _CR3_UUID:
                for name, at, stop in boxes(data, inner_at + 16, min(inner_end, len(data))):
                    if name in (b"CMT1", b"CMT2", b"CMT4"):
                        tiff = Tiff(data[at:stop])
                        found.structures.append(tiff)
                        match name:
                            case b"CMT1":
                                found.main = tiff.first()
                            case b"CMT2":
                                found.exif = tiff.first()
                            case _:
                                found.gps = tiff.first()
    return found


_READERS: dict[str, Callable[[bytes], Metadata]] = {
    "JPEG": _of_jpeg,
    "RAF": _of_raf,
    "MRW": _of_mrw,
    "CR3": _of_cr3,
    "RW2": _of_rw2,
}
"""Where fields are kept in another way than a TIFF from the first byte."""
