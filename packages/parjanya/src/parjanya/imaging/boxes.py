"""Boxes of ISO base media files (HEIF, AVIF, CR3), and the check that a HEIF's pictures are inside the file.

Callers: ``sniff`` (brands), ``exif_locate`` (CR3), ``decode`` (structure). The check exists because libheif fills
missing tiles with grey and says nothing: a HEIC cut to a fiftieth of its length decodes "successfully".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from parjanya.imaging.refusal import ImageRefused

MAX_BOXES = 10_000
MAX_ITEMS = 100_000


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of the payload of each box in ``data[start:end]``. The end may lie beyond the data.

    Stops at the first box whose length is impossible.
    """
    at = start
    for _ in range(MAX_BOXES):
        if at + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= end:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        elif size == 0:
            size = end - at
        if size < head:
            return
        yield kind, at + head, at + size
        at += size


def brands(data: bytes) -> frozenset[bytes]:
    """The brands of the leading ``ftyp`` box; empty when there is none."""
    if data[4:8] != b"ftyp":
        return frozenset()
    end = min(struct.unpack_from(">I", data)[0], 512, len(data))
    return frozenset([data[8:12]]) | {data[at : at + 4] for at in range(16, end - 3, 4)}


def missing_part(data: bytes) -> str | None:
    """What of the HEIF in *data* lies beyond its end, or None if everything is there.

    Looks at every top-level box and every extent of the item location table; decodes nothing.

    Raises:
        ImageRefused: ``corrupt``, where a box should begin and something else does, or an item's name is not text.
    """
    meta: tuple[int, int] | None = None
    seen_to = 0
    for kind, start, end in boxes(data, 0, len(data)):
        if not kind.isascii() or b"\0" in kind:
            raise ImageRefused("corrupt", f"a box of type {kind.hex()} begins before byte {start}")
        if end > len(data):
            return f"box {kind.decode('latin-1')!r} ends at {end}, the file at {len(data)}"
        if kind == b"meta" and meta is None:
            meta = (start, end)
        seen_to = end
    if meta is None:
        return f"no 'meta' box in the {seen_to} bytes that hold boxes"
    for kind, start, end in boxes(data, meta[0] + 4, meta[1]):
        if kind == b"iinf":
            _check_item_names(data, start, min(end, len(data)))
        elif kind == b"iloc":
            outside = _extent_outside(data, start, min(end, len(data)))
            if outside is not None:
                return outside
    return None


def _check_item_names(data: bytes, at: int, end: int) -> None:
    """Refuse item types and names that are not text (ISO 14496-12, 8.11.6).

    The Python binding of libheif 1.4 ends the whole process with a segmentation fault on a content type that is not
    UTF-8: one damaged byte would cost a worker.
    """
    counter = 2 if data[at : at + 1] == b"\0" else 4
    for kind, start, stop in boxes(data, at + 4 + counter, end):
        if kind == b"infe" and start < end:
            head = 10 if data[start] == 3 else 8  # version and flags, item, protection
            try:
                data[start + head : min(stop, end)].decode("utf-8")
            except UnicodeDecodeError as error:
                raise ImageRefused("corrupt", "the type or name of an item is not text") from error


def _extent_outside(data: bytes, at: int, end: int) -> str | None:
    """Walk one ``iloc`` box (ISO 14496-12, 8.11.3)."""

    def number(width: int) -> int:
        nonlocal at
        if at + width > end:
            raise IndexError
        value = int.from_bytes(data[at : at + width], "big")
        at += width
        return value

    try:
        version = number(4) >> 24
        sizes = number(2)
        offset_w, length_w, base_w = sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15
        index_w = sizes & 15 if version in (1, 2) else 0
        items = number(4 if version == 2 else 2)
        for _ in range(min(items, MAX_ITEMS)):
            item = number(4 if version == 2 else 2)
            method = number(2) & 15 if version in (1, 2) else 0
            number(2)  # data reference: this file, or another that a photograph never uses
            base = number(base_w)
            for _extent in range(number(2)):
                number(index_w)
                start = base + number(offset_w)
                stop = start + number(length_w)
                if method == 0 and stop > len(data):
                    return f"item {item} reaches to {stop}, the file ends at {len(data)}"
    except IndexError:
        return "the item location table is cut short"
    return None
