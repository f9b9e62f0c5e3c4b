"""The pictures of the golden answers: drawn by arithmetic on whole numbers, so that every machine draws the same bytes.

Callers: ``bake`` and ``attest``. Two of them, unlike in shape, colour and detail: a model that does not look at its picture
gives both the same answer, and is found by it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def evening() -> Pixels:
    """A sun above water, 448 x 320: smooth gradients, a disc, ripples. RGB of shape (height, width, 3)."""
    height, width = 320, 448
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    sky = np.stack([40 + 190 * y // 200, 60 + 100 * y // 200, 150 - 60 * y // 200], axis=-1)
    ripple = (x * 3 + y * y // 16) % 64
    water = np.stack([30 + ripple, 45 + ripple, 80 + ripple // 2], axis=-1)
    picture = np.where((y < 200)[..., None], sky, water)
    sun = (x - 300) ** 2 + (y - 120) ** 2 <= 44**2
    picture[sun] = (250, 214, 130)
    return np.clip(picture, 0, 255).astype(np.uint8)


def sign() -> Pixels:
    """A sign with bars like lettering on a chequered wall, 320 x 512: hard edges, flat colours."""
    height, width = 512, 320
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    picture = np.where((((x // 20) + (y // 20)) % 2 == 0)[..., None], (206, 204, 196), (172, 168, 160))
    board = (x >= 40) & (x < 280) & (y >= 120) & (y < 360)
    picture[board] = (24, 74, 120)
    bars = board & (y % 48 < 16) & (x >= 64) & (x < 256) & ((x * 7 + (y // 48) * 29) % 31 < 22)
    picture[bars] = (244, 240, 226)
    return picture.astype(np.uint8)


PICTURES: tuple[tuple[str, Callable[[], Pixels]], ...] = (("evening", evening), ("sign", sign))
"""By name, in the order in which they are asked about."""


def encoded(pixels: Pixels) -> bytes:
    """*pixels* as a JPEG, which is what engines are given: so the way through the decoder is compared, too."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


def identity(pixels: Pixels) -> str:
    """SHA-256 of the shape and values of *pixels*."""
    height, width, _ = pixels.shape
    return hashlib.sha256(f"{width}x{height}:".encode() + pixels.tobytes()).hexdigest()
