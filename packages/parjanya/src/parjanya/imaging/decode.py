"""One file's bytes to one ``Decoded``: the only entry to the decoders.

Callers: the stages ``technical`` and ``preview``. The same bytes give the same pixels, whoever asks. Raw files and
JPEG XL have modules of their own; everything else is a Pillow plugin and a few checks that Pillow does not make.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pi_heif
from PIL import AvifImagePlugin, ImageFile

from parjanya.imaging.boxes import missing_part
from parjanya.imaging.decoded import Decoded
from parjanya.imaging.exif_locate import Metadata, locate
from parjanya.imaging.jpeg import check_scans, scale_in_decoder
from parjanya.imaging.jxl import decode_jxl
from parjanya.imaging.limits import Limits, memory_left_bytes
from parjanya.imaging.opening import check_pixels, open_image, refusing
from parjanya.imaging.rawfile import decode_raw
from parjanya.imaging.refusal import ImageRefused
from parjanya.imaging.shrink import has_alpha, shrink
from parjanya.imaging.sniff import Kind
from parjanya.imaging.structure import (
    check_frames,
    check_png,
    count_gif_frames,
    count_tiff_pages,
    png_bit_depth,
    tiff_bit_depth,
    webp_size,
)

_ORIENTATION = 0x0112
_MODE_BITS: Mapping[str, int] = {"1": 1, "I;16": 16, "I;16B": 16, "I;16L": 16, "I": 32, "F": 32}

_BYTES_PER_PIXEL = 8  # at the least: the codec's picture and Pillow's

pi_heif.options.DECODE_THREADS = 1  # one worker for each core: threads would only take from each other
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
pi_heif.options.THUMBNAILS = False
pi_heif.options.DEPTH_IMAGES = False
pi_heif.options.AUX_IMAGES = False


def decode(data: bytes, kind: Kind, limits: Limits) -> Decoded:
    """Decode *data*, which ``sniff`` said is *kind*, completely: damage anywhere in it is found here or not at all.

    Raises:
        ImageRefused: with every code that is about content (see ``refusal.CODES``), and nothing else.
    """
    if kind.format == "RAW":
        return decode_raw(data, kind, limits)
    if kind.format == "JXL":
        return decode_jxl(data, limits)
    _check_structure(data, kind)
    size = webp_size(data) if kind.format == "WEBP" else None
    if size is not None:
        check_pixels(*size, limits)
    with _memory_told_from_damage(kind, size[0] * size[1] if size is not None else 0):
        image = open_image(data, kind.format, limits)
    if kind.format == "JPEG":
        check_scans(data, image.width * image.height, limits)
    return _load(data, kind, limits, image)


def _load(data: bytes, kind: Kind, limits: Limits, image: ImageFile.ImageFile) -> Decoded:
    width, height = image.size
    mode, icc = image.mode, image.info.get("icc_profile")
    with _memory_told_from_damage(kind, width * height), refusing(kind.format, limits):
        frames = _count_frames(data, kind, limits, image)
        bits = _bit_depth(data, kind, image)
        if kind.format == "JPEG":
            scale_in_decoder(image)
        image.load()
        if kind.format != "JPEG":
            width, height = image.size  # HEIF: known only after decoding. TIFF: Pillow has turned it upright
        metadata = locate(data, kind, None if kind.format in ("JPEG", "TIFF") else _exif_block(image))
        orientation, warnings = _orientation(kind, metadata)
        written = image.info.get("original_orientation")  # libheif's loader sets 1 in the block after turning
        if isinstance(written, int) and 1 <= written <= 8:
            metadata.orientation_written = written
        view, profile, more = shrink(
            image, (width, height), icc if isinstance(icc, bytes) and icc else None, orientation
        )
    if orientation >= 5:
        width, height = height, width
    return Decoded(
        view, width, height, "decoded", mode, profile, bits, frames, has_alpha(image), metadata, (*warnings, *more)
    )


@contextmanager
def _memory_told_from_damage(kind: Kind, pixels: int) -> Iterator[None]:
    """Some codecs say no more than "failed" when memory runs out: then the sizes decide what the refusal is called."""
    try:
        yield
    except ImageRefused as refused:
        left = memory_left_bytes()
        if refused.code != "corrupt" or left is None or pixels * _BYTES_PER_PIXEL <= left:
            raise
        evidence = {**refused.evidence, "pixels": pixels, "memory_left_bytes": left}
        raise ImageRefused(
            "decoder_memory", f"{kind.format}: {pixels} pixels do not fit into this worker", evidence=evidence
        ) from refused


def _exif_block(image: ImageFile.ImageFile) -> bytes | None:
    """The EXIF block that the plugin found; asked after loading, because a PNG may have it behind the pixels."""
    block = image.info.get("exif")
    if isinstance(block, bytes):
        return block
    # ImageMagick's way before PNG had a chunk for it: a text of name, length and hexadecimal digits
    text = image.info.get("Raw profile type exif")
    digits = "".join(text.split("\n")[3:]) if isinstance(text, str) else ""
    try:
        return bytes.fromhex(digits) or None
    except ValueError:
        return None


def _check_structure(data: bytes, kind: Kind) -> None:
    if kind.format == "PNG" and data[:8] == b"\x89PNG\r\n\x1a\n":
        check_png(data)
    elif kind.format in ("HEIF", "AVIF"):
        missing = missing_part(data)
        if missing is not None:
            raise ImageRefused("truncated", f"{kind.format}: {missing}")


def _count_frames(data: bytes, kind: Kind, limits: Limits, image: ImageFile.ImageFile) -> int:
    if kind.format == "GIF":
        return max(1, count_gif_frames(data, limits))
    if kind.format == "TIFF":
        return max(1, count_tiff_pages(data, limits))
    return check_frames(int(getattr(image, "n_frames", 1)), limits)


def _bit_depth(data: bytes, kind: Kind, image: ImageFile.ImageFile) -> int | None:
    match kind.format:
        case "PNG":
            return png_bit_depth(data)
        case "TIFF":
            return tiff_bit_depth(data)
        case "HEIF":
            bits = image.info.get("bit_depth")
            return bits if isinstance(bits, int) else None
        case "AVIF":
            return None  # 8, 10 or 12: the decoder has made 8 of it and does not say
        case _:
            return _MODE_BITS.get(image.mode, 8)


def _orientation(kind: Kind, metadata: Metadata) -> tuple[int, list[str]]:
    """The EXIF orientation that still has to be applied, and warning codes."""
    if metadata.main is None or _ORIENTATION not in metadata.main:
        return 1, []
    values = metadata.main.integers(_ORIENTATION)
    if not values or not 1 <= values[0] <= 8:
        return 1, ["orientation_invalid"]
    if kind.format in ("HEIF", "TIFF"):
        return 1, []  # libheif and Pillow's TIFF loader have done it
    return values[0], []
