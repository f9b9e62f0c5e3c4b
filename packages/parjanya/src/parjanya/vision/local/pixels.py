"""A preview becomes patches: decode, resize under the pixel budget, cut. CPU only, Pillow and numpy, safe in many threads.

Caller: ``model``. What comes out is what the library's own processor for this family makes, value for value (a test holds us
to that), but as bytes and without the repeated frame: an eighth of the memory, so that much more can wait prepared. The device
turns bytes into numbers by a table (``values``).
"""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from parjanya.vision.flow.device import UnreadableError
from parjanya.vision.local.folder import ImageRules

MOST_RATIO = 200
"""The family refuses pictures longer than this times their width."""
MOST_SOURCE_PIXELS = 4096 * 4096
"""A preview has at most a quarter of this; more is not ours and is not decoded."""

Patches = NDArray[np.uint8]
"""(patches, colour, row, column): in the order of the model, which goes through squares of ``merge`` x ``merge`` patches."""


def decode(jpeg: bytes) -> Image.Image:
    """The picture in *jpeg*, RGB. Raises ``UnreadableError``."""
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise UnreadableError("Pillow is set to accept truncated pictures, which would be judged by their grey half")
    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
            size = picture.width * picture.height
            decoded = picture.convert("RGB") if size <= MOST_SOURCE_PIXELS else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableError(f"the preview cannot be decoded: {type(error).__name__}") from None
    if decoded is None:
        raise UnreadableError(f"it has {size:,} pixels: not a preview")
    return decoded


def fitted(width: int, height: int, rules: ImageRules, most_pixels: int) -> tuple[int, int]:
    """(width, height) that the model sees: multiples of a token's side, at most *most_pixels*, as near in shape as can be.

    A budget below the family's least size wins over it. Raises ``UnreadableError`` for a shape that the family refuses.
    """
    if max(width, height) > MOST_RATIO * min(width, height):
        raise UnreadableError(f"{width} x {height} pixels: more than {MOST_RATIO} times longer than wide")
    side = rules.patch * rules.merge
    least_pixels = min(rules.least_pixels, most_pixels)
    wide, high = round(width / side) * side, round(height / side) * side
    if wide * high < least_pixels:
        grow = math.sqrt(least_pixels / (width * height))
        wide, high = math.ceil(width * grow / side) * side, math.ceil(height * grow / side) * side
    if wide * high > most_pixels:
        shrink = math.sqrt(width * height / most_pixels)
        wide = max(side, math.floor(width / shrink / side) * side)
        high = max(side, math.floor(height / shrink / side) * side)
    return wide, high


def patches(picture: Image.Image, rules: ImageRules, most_pixels: int) -> tuple[Patches, tuple[int, int]]:
    """The patches of *picture* (RGB), and (rows, columns) of them."""
    wide, high = fitted(picture.width, picture.height, rules, most_pixels)
    resized = picture.resize((wide, high), resample=Image.Resampling(rules.resample))
    rows, columns, merge, patch = high // rules.patch, wide // rules.patch, rules.merge, rules.patch
    squares = np.asarray(resized).reshape(rows // merge, merge, patch, columns // merge, merge, patch, 3)
    ordered = squares.transpose(0, 3, 1, 4, 6, 2, 5)
    return np.ascontiguousarray(ordered).reshape(rows * columns, 3, patch, patch), (rows, columns)


def values(rules: ImageRules) -> NDArray[np.float32]:
    """(3, 256): what each byte of each colour is for the model."""
    scaled = (np.arange(256, dtype=np.float64) * rules.rescale).astype(np.float32)
    mean, std = (np.array(numbers, np.float32)[:, None] for numbers in (rules.mean, rules.std))
    table: NDArray[np.float32] = (scaled[None] - mean) / std
    return table


def pixel_values(cut: Patches, rules: ImageRules) -> NDArray[np.float32]:
    """(patches, colour * frames * row * column): what the model is given for *cut*; the device makes the same."""
    table = values(rules)
    numbers = np.stack([table[colour][cut[:, colour]] for colour in range(3)], axis=1)
    return np.repeat(numbers[:, :, None], rules.frames, axis=2).reshape(len(cut), -1)
