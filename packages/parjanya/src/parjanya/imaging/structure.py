"""Checks and counts on a file's structure that the decoders do not make, each a single bounded walk.

Callers: ``decode``. Pillow does not compare the checksum of PNG pixel data, accepts a PNG without its end, and counts
GIF frames and TIFF pages by unbounded loops. Its WebP plugin takes memory for every pixel before anybody can ask how
many there are.
"""

from __future__ import annotations

import zlib
from typing import Literal

from parjanya.imaging.limits import Limits
from parjanya.imaging.refusal import ImageRefused
from parjanya.imaging.tiff import Tiff

_CRITICAL = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND"))
_BITS_PER_SAMPLE = 0x0102


def check_png(data: bytes) -> None:
    """Walk the chunks of a PNG: each inside the file, the critical ones with their checksum, pixel data and an end.

    Raises:
        ImageRefused: ``truncated`` or ``corrupt``.
    """
    view, at, pixels = memoryview(data), 8, False
    while True:
        if at + 12 > len(data):
            raise ImageRefused("truncated", "PNG: the file ends before its IEND chunk")
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + length
        if not name.isalpha():
            raise ImageRefused("corrupt", f"PNG: {name!r} is no chunk name")
        if end > len(data):
            raise ImageRefused("truncated", f"PNG: chunk {name.decode()} ends at {end}, the file at {len(data)}")
        if name in _CRITICAL and zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise ImageRefused("corrupt", f"PNG: the checksum of chunk {name.decode()} does not match")
        pixels = pixels or name == b"IDAT"
        if name == b"IEND":
            break
        at = end
    if not pixels:
        raise ImageRefused("truncated", "PNG: there is no pixel data")


def png_bit_depth(data: bytes) -> int | None:
    """Bits per sample from the header chunk."""
    return data[24] if len(data) > 24 and data[12:16] == b"IHDR" else None


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from the first chunk: asked first, because the decoder takes memory for all of it on opening."""
    match data[12:16]:
        case b"VP8X" if len(data) >= 30:
            return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        case b"VP8L" if len(data) >= 25:
            bits = int.from_bytes(data[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 " if len(data) >= 30:
            width, height = int.from_bytes(data[26:28], "little"), int.from_bytes(data[28:30], "little")
            return width & 0x3FFF, height & 0x3FFF
        case _:
            return None


def tiff_bit_depth(data: bytes) -> int | None:
    """Bits per sample of the first picture; 1 is the format's own default."""
    first = Tiff(data).first()
    if first is None:
        return None
    depths = first.integers(_BITS_PER_SAMPLE)
    return max(depths) if depths else (1 if _BITS_PER_SAMPLE not in first else None)


def count_gif_frames(data: bytes, limits: Limits) -> int:
    """Frames of a GIF, by walking its blocks. A file cut short counts what began.

    Raises:
        ImageRefused: ``too_many_frames``.
    """
    if len(data) < 13:
        return 0
    at, frames = 13 + _colour_table(data[10]), 0
    while at < len(data):
        match data[at]:
            case 0x2C:
                frames += 1
                if frames > limits.max_frames:
                    raise ImageRefused("too_many_frames", f"more than {limits.max_frames} frames")
                if at + 10 > len(data):
                    break
                at = _after_sub_blocks(data, at + 11 + _colour_table(data[at + 9]))
            case 0x21:
                at = _after_sub_blocks(data, at + 2)
            case _:
                break
    return frames


def count_tiff_pages(data: bytes, limits: Limits) -> int:
    """Pages of a TIFF, by following the chain of directories without reading them. A loop ends the count.

    Raises:
        ImageRefused: ``too_many_frames``.
    """
    tiff = Tiff(data)
    at, seen = tiff.first_at, set[int]()
    counter, step, pointer = (8, 20, 8) if tiff.big else (2, 12, 4)
    order: Literal["little", "big"] = "little" if tiff.order == "<" else "big"
    while 0 < at <= len(data) - counter and at not in seen:
        seen.add(at)
        if len(seen) > limits.max_frames:
            raise ImageRefused("too_many_frames", f"more than {limits.max_frames} pages")
        next_at = at + counter + step * int.from_bytes(data[at : at + counter], order)
        at = int.from_bytes(data[next_at : next_at + pointer], order)
    return len(seen)


def _colour_table(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_sub_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1


def check_frames(frames: int, limits: Limits) -> int:
    """*frames*, or a refusal.

    Raises:
        ImageRefused: ``too_many_frames``.
    """
    if frames > limits.max_frames:
        raise ImageRefused("too_many_frames", f"{frames} frames, at most {limits.max_frames} are counted")
    return frames
