"""The two pictures that people and judges look at: 2048 pixels and 320 pixels on the long side, JPEG, sRGB, upright.

Callers: the stage ``preview``. The bytes are a function of the view alone, so that a replay stores nothing new.
Quality 85 with halved chroma keeps the large preview of a detailed photograph near half a megabyte.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, features

from parjanya.imaging.recipe import VIEW

LARGE_QUALITY = 85
THUMB_QUALITY = 80
THUMB_PX = 320

RECIPE = f"{VIEW}+jpeg-{LARGE_QUALITY}-420+thumb-{THUMB_PX}-hamming-{THUMB_QUALITY}"
"""Everything that changes a byte of a preview, but for the library's version (``LIBRARY``)."""

LIBRARY = f"pillow {features.version('pil')}, libjpeg {features.version('jpg')}"


@dataclass(frozen=True, slots=True)
class Encoded:
    """One JPEG and its size in pixels."""

    data: bytes
    width: int
    height: int


def large(view: Image.Image) -> Encoded:
    """The view, encoded."""
    return _encode(view, LARGE_QUALITY)


def thumb(view: Image.Image) -> Encoded:
    """The view at no more than 320 pixels on the long side."""
    scale = THUMB_PX / max(view.size)
    if scale < 1.0:
        size = (max(1, round(view.width * scale)), max(1, round(view.height * scale)))
        view = view.resize(size, Image.Resampling.HAMMING, reducing_gap=2.0)
    return _encode(view, THUMB_QUALITY)


def _encode(image: Image.Image, quality: int) -> Encoded:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling="4:2:0", optimize=False, progressive=False)
    return Encoded(out.getvalue(), image.width, image.height)
