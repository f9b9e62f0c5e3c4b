"""A perceptual hash: 256 bits that hardly change when an image is resized, re-encoded, brightened or cropped a little.

Callers: the stage ``technical`` stores the hash, ``group`` compares. The signs, relative to their median, of the
lowest 16 x 16 cosine frequencies of a 64 x 64 grey picture, without the constant row and column.

Measured with this code on 62 photographs: half size, JPEG quality 20 and a blur of two pixels move at most 10 bits,
30 % more brightness at most 34, cropping 3 % from each side 50 in the median (80 at most), a rotation by two degrees
74; cropping 8 % is not recognised (110). The nearest two of the 1,891 unrelated pairs differ in 100 bits, the median
in 128. Mirrored copies are found through ``dihedral``, with distance 0.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HASH_BITS = 256
_SIDE, _KEPT = 64, 16  # what is done with them has a name: recipe.HASH

Coefficients = NDArray[np.float32]


@lru_cache(maxsize=1)
def _basis() -> Coefficients:
    """Rows 1 to 16 of the orthonormal DCT-II of 64 samples."""
    n = np.arange(_SIDE)
    k = np.arange(1, _KEPT + 1)[:, None]
    rows: Coefficients = (np.sqrt(2 / _SIDE) * np.cos(np.pi * (2 * n + 1) * k / (2 * _SIDE))).astype(np.float32)
    return rows


def coefficients(image: Image.Image) -> Coefficients:
    """The 16 x 16 low frequencies of *image* (RGB or L), vertical frequency first."""
    factor = min(image.width, image.height) // (2 * _SIDE)
    small = image.reduce(factor) if factor >= 2 else image
    grey = small.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    basis = _basis()
    pixels = np.asarray(grey, np.float32)
    found: Coefficients = np.matmul(np.matmul(basis, pixels), basis.T)
    return found


def to_hex(values: Coefficients) -> str:
    """The hash of *values*: 64 hexadecimal digits."""
    flat = np.round(values, 3).ravel()  # rounding: bits must not hang on the order of additions in the BLAS at hand
    return np.packbits(flat > np.median(flat)).tobytes().hex()


def phash(image: Image.Image) -> str:
    """The hash of *image*, which is upright: 64 hexadecimal digits."""
    return to_hex(coefficients(image))


def dihedral(values: Coefficients) -> tuple[str, ...]:
    """The hashes of the image's eight rotations and mirrorings, itself first, without looking at pixels again.

    Mirroring negates the odd frequencies along its axis; transposing the image transposes the frequencies.
    """
    signs = np.where(np.arange(1, _KEPT + 1) % 2 == 1, -1.0, 1.0).astype(np.float32)
    across, down = signs[None, :], signs[:, None]
    variants = [v * m for v in (values, values.T) for m in (np.float32(1), across, down, across * down)]
    return tuple(to_hex(variant) for variant in variants)


def distance(one: str, other: str) -> int:
    """Bits in which two hashes differ: 0 to 256."""
    return (int(one, 16) ^ int(other, 16)).bit_count()
