"""Opens an image with exactly one Pillow plugin and turns everything a library can raise into a refusal.

Callers: the decoders. The plugin is called directly, not through ``Image.open``: that one tries plugins in turn and
answers "cannot identify" where the plugin knew what was wrong.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pi_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from parjanya.imaging.limits import Limits
from parjanya.imaging.refusal import ImageRefused

_Plugin = Callable[[io.BytesIO, str], ImageFile.ImageFile]
_PLUGINS: Mapping[str, _Plugin] = {
    "JPEG": JpegImagePlugin.jpeg_factory,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "HEIF": pi_heif.HeifImageFile,
}

_ANY = (
    OSError, ValueError, SyntaxError, MemoryError, RuntimeError, struct.error, TypeError, LookupError, AttributeError,
    ArithmeticError, EOFError, AssertionError, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip
"""What Pillow and its codecs have been seen to raise on damaged files. KeyboardInterrupt and SystemExit pass."""

_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("metadata_bomb", ("decompressed data too large", "text memory", "text chunk", "max_text")),
    ("decoder_memory", ("memory allocation", "out of memory", "cannot allocate", "security limit")),
    (
        "truncated",
        (
            "truncated", "end-of-file", "end of file", "unexpected end", "requires a buffer", "out of range", "eof",
            "not enough image data", "no 'idat'", "premature", "unexpected data in input", "buffer is not large enough",
        ),
    ),
    (
        "unsupported_format",
        (
            "unsupported", "unknown pixel mode", "cannot handle", "not supported", "unknown compression",
            "unrecognized", "unknown photometric", "sof marker", "not available", "not implemented",
        ),
    ),
)  # fmt: skip
"""Code by words in the message; the first that matches. Everything else is ``corrupt``."""


@contextmanager
def refusing(what: str, limits: Limits) -> Iterator[None]:
    """Whatever a decoder raises inside becomes ``ImageRefused`` with a code; *what* begins the message.

    Pillow's own warnings are silenced, except the one about bombs, which is an error.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = limits.max_pixels
        PngImagePlugin.MAX_TEXT_CHUNK = limits.max_metadata_bytes  # of one text or profile, unpacked
        PngImagePlugin.MAX_TEXT_MEMORY = limits.max_metadata_bytes  # of all texts together
        try:
            yield
        except ImageRefused:
            raise
        except _ANY as error:
            raise _refusal(what, error) from error


def open_image(data: bytes, name: str, limits: Limits) -> ImageFile.ImageFile:
    """The header of *data* read with the plugin *name*; pixels are decoded when the image is loaded.

    Raises:
        ImageRefused: the header cannot be read, or promises more pixels than the limit.
    """
    with refusing(name, limits):
        image = _PLUGINS[name](io.BytesIO(data), "")
        check_pixels(image.width, image.height, limits)
        return image


def check_pixels(width: int, height: int, limits: Limits) -> None:
    """Refuse what is too large, before a byte of it is decoded.

    Raises:
        ImageRefused: ``too_many_pixels``, or ``corrupt`` when there are none.
    """
    if width < 1 or height < 1:
        raise ImageRefused("corrupt", f"the header says {width} x {height} pixels")
    if width * height > limits.max_pixels:
        evidence = {"width": width, "height": height, "max_pixels": limits.max_pixels}
        raise ImageRefused(
            "too_many_pixels", f"{width} x {height} pixels, at most {limits.max_pixels} are decoded", evidence=evidence
        )


def _refusal(what: str, error: Exception) -> ImageRefused:
    text = str(error) or type(error).__name__
    if isinstance(error, MemoryError):
        code = "decoder_memory"
    elif isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        code = "too_many_pixels"
    elif isinstance(error, (EOFError, IndexError, struct.error)):
        code = "truncated"
    else:
        lower = text.lower()
        code = next((code for code, words in _WORDS if any(word in lower for word in words)), "corrupt")
    if isinstance(error, UnidentifiedImageError) or "not identified" in text:
        text = "its header contradicts the format"
    return ImageRefused(code, f"{what}: {text}"[:400], evidence={"error": type(error).__name__})
