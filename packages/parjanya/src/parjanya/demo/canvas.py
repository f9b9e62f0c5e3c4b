"""Brushes for the sample shoot: gradients, clouds, ridges, light and blur on float images.

Every picture is a float32 array ``(height, width, 3)``, linear-looking values 0..1, sRGB when saved. Randomness comes
from the generator that is handed in, so one seed draws one shoot.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float32]
Colour = tuple[float, float, float]

WIDTH_PX = 2400
HEIGHT_PX = 1600
STRIP_PX = 64
COARSE_BLUR_PX = 3


def grid(width: int = WIDTH_PX, height: int = HEIGHT_PX) -> tuple[Floats, Floats]:
    """Coordinates 0..1 as broadcastable ``x (1, width)`` and ``y (height, 1)``."""
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    return x, y


def gradient(stops: list[tuple[float, Colour]], height: int = HEIGHT_PX, width: int = WIDTH_PX) -> Floats:
    """A vertical blend through *stops* ``(position 0..1, colour)``, eased so that no band edge is seen."""
    at = np.linspace(0, 1, height, dtype=np.float32)
    positions = [p for p, _ in stops]
    columns = [np.interp(at, positions, [c[i] for _, c in stops]) for i in range(3)]
    column = np.stack(columns, axis=-1).astype(np.float32)
    return np.broadcast_to(column[:, None, :], (height, width, 3)).copy()


def cloud(
    rng: np.random.Generator,
    height: int,
    width: int,
    *,
    cells: int = 4,
    octaves: int = 6,
    stretch: float = 1.0,
    gain: float = 0.5,
) -> Floats:
    """Fractal noise 0..1; *stretch* > 1 draws it out sideways (streaks, waves), *gain* nearer 1 makes it rougher."""
    # broad octaves are summed at a quarter of the size: they hold nothing that a pixel could show
    coarse = np.zeros((max(2, height // 4), max(2, width // 4)), np.float32)
    total = np.zeros((height, width), np.float32)
    weight = 1.0
    for octave in range(octaves):
        rows = max(2, min(height, int(cells * 2**octave)))
        columns = max(2, min(width, int(cells * 2**octave / stretch * width / height)))
        target = coarse if max(rows / height, columns / width) < 1 / 12 else total
        target += weight * _resized(rng.random((rows, columns), dtype=np.float32), target.shape)
        weight *= gain
    total += _resized(coarse, total.shape)
    low, high = float(total.min()), float(total.max())
    return np.asarray((total - low) / (high - low), np.float32)


def _resized(values: Floats, shape: tuple[int, ...]) -> Floats:
    image = Image.fromarray(values).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32)


def ridge(rng: np.random.Generator, width: int, *, roughness: float = 0.55, cells: int = 3, octaves: int = 9) -> Floats:
    """A skyline: one height 0..1 per column."""
    at = np.linspace(0, 1, width)
    total = np.zeros(width)
    weight = 1.0
    for octave in range(octaves):
        knots = cells * 2**octave + 1
        total += weight * np.interp(at * (knots - 1), np.arange(knots), rng.random(knots))
        weight *= roughness
    total = (total - total.min()) / (total.max() - total.min())
    return np.asarray(total, np.float32)


def below(line: Floats, height: int = HEIGHT_PX) -> Floats:
    """A mask 0..1 of everything under *line* (a height 0..1 from the top, one per column), its edge one pixel soft."""
    rows = np.arange(height, dtype=np.float32)[:, None]
    return np.asarray(np.clip(rows - line[None, :] * height + 0.5, 0, 1), np.float32)


def paint(picture: Floats, mask: Floats, colour: Colour | Floats) -> None:
    """Lay *colour* over *picture* where *mask* (0..1) says so, in place; only the mask's bounding box is touched."""
    rows = np.flatnonzero(mask.max(axis=1) > 0)
    columns = np.flatnonzero(mask.max(axis=0) > 0)
    if not rows.size:
        return
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    layer = np.asarray(colour, np.float32)
    change = (layer[box] if layer.ndim == 3 else layer) - picture[box]
    change *= mask[box][..., None]
    picture[box] += change


def glow(picture: Floats, centre: tuple[float, float], radius: float, colour: Colour, power: float = 1.0) -> None:
    """Add a soft light at *centre* (x, y in 0..1); *radius* is relative to the width."""
    height, width = picture.shape[:2]
    x, y = grid(width, height)
    distance2 = (x - centre[0]) ** 2 + ((y - centre[1]) * height / width) ** 2
    light = power / (1 + distance2 / radius**2) ** 1.5
    picture += light[..., None] * np.asarray(colour, np.float32)


def disc(shape: tuple[int, int], centre: tuple[float, float], radius_px: float) -> Floats:
    """A filled circle as a mask with an anti-aliased edge; *centre* in pixels (x, y)."""
    rows = np.arange(shape[0], dtype=np.float32)[:, None] - centre[1]
    columns = np.arange(shape[1], dtype=np.float32)[None, :] - centre[0]
    return np.asarray(np.clip(radius_px - np.hypot(rows, columns) + 0.5, 0, 1), np.float32)


def blurred(picture: Floats, radius_px: float) -> Floats:
    """What a lens out of focus makes of it."""
    image = to_image(picture)
    if radius_px <= COARSE_BLUR_PX:
        return from_image(image.filter(ImageFilter.GaussianBlur(radius_px)))
    # nothing finer than the blur survives it, so a half-size picture is enough and four times as fast
    half = image.reduce(2).filter(ImageFilter.GaussianBlur(radius_px / 2))
    return from_image(half.resize(image.size, Image.Resampling.BICUBIC))


def panned(picture: Floats, pixels: int) -> Floats:
    """What a moving camera makes of it: the mean of *pixels* sideways shifts."""
    padded = np.concatenate([picture, np.repeat(picture[:, -1:], pixels, axis=1)], axis=1)
    sums = np.cumsum(padded, axis=1, dtype=np.float32)
    return np.asarray((sums[:, pixels:] - sums[:, :-pixels]) / pixels, np.float32)


def developed(rng: np.random.Generator, picture: Floats, sigma: float, corners: float = 0.25) -> Image.Image:
    """What the camera makes of the light: darker corners, sensor noise, 8 bits.

    Noise is stronger in the light (photons) than in black (read-out); *sigma* is 0..1 at mid grey. Done in strips,
    because a strip stays in the processor's cache and the whole picture does not: three times as fast.
    """
    height, width = picture.shape[:2]
    tile = rng.standard_normal((STRIP_PX, 512, 1), dtype=np.float32)
    tile = tile + rng.standard_normal((STRIP_PX, 512, 3), dtype=np.float32) * 0.4
    noise = np.tile(tile, (1, -(-width // 512), 1))[:, :width] * np.float32(sigma * 2**0.5)
    x, y = grid(width, height)
    out = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, STRIP_PX):
        rows = slice(top, min(top + STRIP_PX, height))
        fall = 1 - corners * 2 * ((x - 0.5) ** 2 + (y[rows] - 0.5) ** 2)
        strip = picture[rows] * fall[..., None]
        grain = np.sqrt(np.clip(strip, 0.04, 1))
        # each strip shifts the tile sideways, so that no repetition lines up
        grain *= np.roll(noise[: strip.shape[0]], top * 37, axis=1)
        strip += grain
        np.clip(strip, 0, 1, out=strip)
        strip *= 255
        strip += 0.5
        out[rows] = strip
    return Image.fromarray(out)


def to_image(picture: Floats) -> Image.Image:
    """8-bit sRGB."""
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))


def from_image(image: Image.Image) -> Floats:
    """Back to floats 0..1."""
    pixels: NDArray[Any] = np.asarray(image.convert("RGB"), np.float32)
    return np.asarray(pixels / 255, np.float32)
