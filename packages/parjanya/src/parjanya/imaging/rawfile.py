"""Raw files: the preview the camera embedded where it is large enough, the sensor data at half size otherwise.

Callers: ``decode``. An embedded preview takes a millisecond and is what the photographer saw on the camera;
demosaicing at half size takes half a second and is still wider than the view.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import rawpy
from PIL import Image, ImageFile

from parjanya.imaging.boxes import boxes
from parjanya.imaging.decoded import Decoded, Origin
from parjanya.imaging.exif_locate import locate
from parjanya.imaging.jpeg import check_scans, scale_in_decoder
from parjanya.imaging.limits import Limits
from parjanya.imaging.opening import check_pixels, open_image, refusing
from parjanya.imaging.recipe import VIEW_PX
from parjanya.imaging.refusal import ImageRefused
from parjanya.imaging.shrink import shrink
from parjanya.imaging.sniff import Kind
from parjanya.imaging.tiff import Directory, Tiff

USABLE_PREVIEW_PX = 640
"""An embedded preview at least this wide stands in for sensor data that cannot be read."""

_FLIP_TO_ORIENTATION = {0: 1, 3: 3, 5: 8, 6: 6}  # LibRaw's own notation: 5 is 90 degrees left, 6 right
_EXTENTS = ((0x0111, 0x0117), (0x0144, 0x0145))  # offsets and lengths of strips, of tiles
_SUB_IFDS, _BITS_PER_SAMPLE = 0x014A, 0x0102

_CODES: tuple[tuple[type[Exception], str], ...] = (
    (rawpy.LibRawUnsufficientMemoryError, "decoder_memory"),
    (rawpy.LibRawTooBigError, "too_many_pixels"),
    (rawpy.LibRawIOError, "truncated"),
    (rawpy.LibRawFileUnsupportedError, "unsupported_format"),
    (rawpy.LibRawNotImplementedError, "unsupported_format"),
    (rawpy.NotSupportedError, "unsupported_format"),
)
_RAW_ERRORS = (rawpy.LibRawError, rawpy.NotSupportedError)


def decode_raw(data: bytes, kind: Kind, limits: Limits) -> Decoded:
    """Decode the raw file *data*.

    Sensor data that ends beyond the file is the warning ``raw_data_truncated`` while an embedded preview can be seen:
    the photographer gets the picture and is told what is left of the original.

    Raises:
        ImageRefused: nothing in it can be seen.
    """
    name = kind.raw_kind or kind.format
    with refusing(name, limits):
        try:
            with rawpy.imread(io.BytesIO(data)) as raw:
                return _decode(data, kind, limits, raw)
        except _RAW_ERRORS as error:
            raise _refusal(name, error) from error


@dataclass(frozen=True, slots=True)
class _Picture:
    """Pixels from a raw file, not yet upright. ``full_size`` is what they were before scaling in the decoder."""

    image: Image.Image
    full_size: tuple[int, int]
    icc: bytes | None
    origin: Origin


def _decode(data: bytes, kind: Kind, limits: Limits, raw: rawpy.RawPy) -> Decoded:
    sizes = raw.sizes
    check_pixels(sizes.raw_width, sizes.raw_height, limits)
    warnings = ["raw_data_truncated"] if sensor_data_missing(data, kind) else []
    picture = _best_picture(raw, limits, warnings)
    orientation = _FLIP_TO_ORIENTATION.get(sizes.flip, 1)
    width, height = sizes.width, sizes.height
    turned_already = (picture.full_size[0] > picture.full_size[1]) != (width > height)
    view, profile, more = shrink(
        picture.image, picture.full_size, picture.icc, 1 if orientation >= 5 and turned_already else orientation
    )
    if orientation >= 5:
        width, height = height, width
    return Decoded(
        view,
        width,
        height,
        picture.origin,
        "RAW",
        profile,
        _bit_depth(data),
        1,
        False,
        locate(data, kind),
        (*warnings, *more),
    )


def _best_picture(raw: rawpy.RawPy, limits: Limits, warnings: list[str]) -> _Picture:
    wanted = min(VIEW_PX, max(raw.sizes.width, raw.sizes.height))
    preview = _embedded(raw, limits)
    if preview is not None and max(preview.size) >= wanted:
        try:
            return _loaded(preview, limits)
        except ImageRefused:
            warnings.append("embedded_preview_unreadable")
            preview = None
    try:
        return _demosaiced(raw, wanted)
    except _RAW_ERRORS:
        if preview is None or max(preview.size) < USABLE_PREVIEW_PX:
            raise
        warnings.append("raw_data_unreadable")
        return _loaded(preview, limits)


def _embedded(raw: rawpy.RawPy, limits: Limits) -> ImageFile.ImageFile | None:
    """The embedded JPEG with its header read; None when there is none that can be opened."""
    try:
        thumb = raw.extract_thumb()
        if not isinstance(thumb.data, bytes):  # a bitmap: small, and not worth a path of its own
            return None
        image = open_image(thumb.data, "JPEG", limits)
        check_scans(thumb.data, image.width * image.height, limits)
    except (*_RAW_ERRORS, ImageRefused):
        return None  # the sensor data answers instead, with its own refusal if need be
    return image


def _loaded(preview: ImageFile.ImageFile, limits: Limits) -> _Picture:
    size, icc = preview.size, preview.info.get("icc_profile")
    with refusing("embedded preview", limits):
        scale_in_decoder(preview)
        preview.load()
    return _Picture(preview, size, icc if isinstance(icc, bytes) and icc else None, "embedded")


def _demosaiced(raw: rawpy.RawPy, wanted_px: int) -> _Picture:
    half = max(raw.sizes.width, raw.sizes.height) // 2 >= wanted_px
    pixels = raw.postprocess(
        half_size=half,
        demosaic_algorithm=rawpy.DemosaicAlgorithm.LINEAR,  # ignored at half size; the view hides the difference
        use_camera_wb=True,
        output_bps=8,
        user_flip=0,
    )
    image = Image.fromarray(pixels)
    return _Picture(image, image.size, None, "demosaic")


def sensor_data_missing(data: bytes, kind: Kind) -> bool:
    """Whether the file's own tables place picture data beyond its end. False where the format has no table we read."""
    if kind.raw_kind == "CR3":
        return any(end > len(data) for _, _, end in boxes(data, 0, len(data)))
    if kind.raw_kind in ("RAF", "RW2", "MRW"):
        return False
    tiff = Tiff(data)
    return any(_reaches_beyond(directory, len(data)) for directory in _directories(tiff))


def _directories(tiff: Tiff) -> Iterator[Directory]:
    for directory in tiff.chain():
        yield directory
        yield from directory.children(_SUB_IFDS)


def _reaches_beyond(directory: Directory, end: int) -> bool:
    for offsets, lengths in _EXTENTS:
        places = zip(directory.integers(offsets), directory.integers(lengths), strict=False)
        if any(at + length > end for at, length in places):
            return True
    return False


def _bit_depth(data: bytes) -> int | None:
    """Bits per sample of the deepest picture inside; None where the tables do not say."""
    depths = [bits for directory in _directories(Tiff(data)) for bits in directory.integers(_BITS_PER_SAMPLE)]
    return max((bits for bits in depths if 1 <= bits <= 32), default=None)


def _refusal(name: str, error: Exception) -> ImageRefused:
    text = error.args[0] if error.args else error
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "corrupt")
    return ImageRefused(code, f"{name}: {text}", evidence={"error": type(error).__name__})
