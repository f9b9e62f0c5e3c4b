"""JPEG XL, through the optional extra ``jxl``: its decoder is as large as everything else together.

Callers: ``decode``. Without the extra the file is refused with the name of what to install. The size is read from the
codestream's header first, because the decoder itself has no limit.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from parjanya.imaging.boxes import boxes
from parjanya.imaging.decoded import Decoded
from parjanya.imaging.exif_locate import Metadata, locate
from parjanya.imaging.limits import Limits
from parjanya.imaging.opening import check_pixels, refusing
from parjanya.imaging.refusal import ImageRefused
from parjanya.imaging.shrink import has_alpha, shrink
from parjanya.imaging.sniff import JXL

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIZE_BITS = (9, 13, 18, 30)


def decode_jxl(data: bytes, limits: Limits) -> Decoded:
    """Decode a JPEG XL file; the decoder has applied its orientation.

    Raises:
        ImageRefused: ``unsupported_format`` without the extra; otherwise the codes about content.
    """
    decoder = _decoder()
    codestream, exif = _parts(data)
    width, height = _size(codestream)
    check_pixels(width, height, limits)
    with refusing("JXL", limits):
        try:
            pixels = decoder(data)
        except RuntimeError as error:  # the wrapper's only class, with a status name and no more
            raise ImageRefused("corrupt", f"JXL: {error}", evidence={"error": type(error).__name__}) from error
        image, bits = _to_image(np.asarray(pixels))
        view, _, warnings = shrink(image, image.size, None, 1)
    metadata = Metadata() if exif is None else locate(data, JXL, exif)
    return Decoded(
        view,
        image.width,
        image.height,
        "decoded",
        image.mode,
        None,
        bits,
        1,
        has_alpha(image),
        metadata,
        tuple(warnings),
    )


def _decoder() -> Callable[[bytes], object]:
    try:
        codecs = importlib.import_module("imagecodecs")
    except ImportError as error:
        raise ImageRefused(
            "unsupported_format",
            "JPEG XL needs the optional decoder: pip install 'parjanya[jxl]'",
            evidence={"found": "JPEG XL", "extra": "jxl"},
        ) from error
    decoder: Callable[[bytes], object] = codecs.jpegxl_decode
    return decoder


def _parts(data: bytes) -> tuple[bytes, bytes | None]:
    """(the beginning of the codestream, the EXIF block if there is one)."""
    if data[:2] == b"\xff\x0a":
        return data[:32], None
    codestream, exif = b"", None
    for kind, start, end in boxes(data, 0, len(data)):
        if end > len(data):
            raise ImageRefused("truncated", f"JXL: box {kind.decode('latin-1')} ends at {end}, the file at {len(data)}")
        if kind == b"jxlc":
            codestream = data[start : start + 32]
        elif kind == b"jxlp" and not codestream:
            codestream = data[start + 4 : start + 36]
        elif kind == b"Exif":
            exif = data[start + 4 : end]
    return codestream, exif


def _size(codestream: bytes) -> tuple[int, int]:
    """Width and height from the size header (ISO 18181-1, C.3): bits, least significant first."""
    if len(codestream) < 8:
        raise ImageRefused("truncated", "JXL: the codestream has no size header")
    bits = int.from_bytes(codestream[2:32], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    if take(1):
        height = (take(5) + 1) * 8
        ratio = take(3)
        width = (take(5) + 1) * 8 if not ratio else 0
    else:
        height = take(_SIZE_BITS[take(2)]) + 1
        ratio = take(3)
        width = take(_SIZE_BITS[take(2)]) + 1 if not ratio else 0
    if ratio:
        across, down = _RATIOS[ratio - 1]
        width = height * across // down
    return width, height


def _to_image(pixels: NDArray[Any]) -> tuple[Image.Image, int]:
    """One frame as an 8-bit picture, and the bits per sample it had."""
    bits = pixels.dtype.itemsize * 8
    if pixels.ndim == 4:
        pixels = pixels[0]
    if pixels.dtype == np.uint16:
        pixels = pixels >> 8
    elif pixels.dtype.kind == "f":
        pixels = np.clip(np.nan_to_num(pixels.astype(np.float32)) * 255 + 0.5, 0, 255)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    return Image.fromarray(pixels.astype(np.uint8)), bits
