"""Non-photographs without flat areas: painterly, textured, rendered and printed pictures, drawn with numpy and Pillow.

Caller: ``render``. These are the hard ones: no perfectly flat colour, no straight frames, often no text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Rng = np.random.Generator


def _strokes(rng: Rng, source: Image.Image) -> Image.Image:
    """A painting after a picture: thousands of strokes in its colours."""
    width, height = source.size
    colours = np.asarray(source.filter(ImageFilter.GaussianBlur(3)))
    canvas = source.filter(ImageFilter.GaussianBlur(12))
    draw = ImageDraw.Draw(canvas)
    for length in (34, 20, 11):
        for _ in range(width * height // (length * 14)):
            x, y = int(rng.integers(width)), int(rng.integers(height))
            angle = float(rng.normal(0.6, 0.7))
            colour = tuple(int(c) for c in np.clip(colours[y, x] + rng.normal(0, 9, 3), 0, 255))
            end = (x + length * np.cos(angle), y + length * np.sin(angle))
            draw.line([(x, y), end], fill=colour, width=max(2, length // 4))
    return canvas


def _posterised(rng: Rng, source: Image.Image) -> Image.Image:
    """A cel-shaded picture: few tones, black contours."""
    flat = source.filter(ImageFilter.ModeFilter(9)).quantize(int(rng.integers(5, 20))).convert("RGB")
    edges = flat.convert("L").filter(ImageFilter.FIND_EDGES).point(lambda v: 255 if v > 28 else 0)
    if rng.random() < 0.6:
        flat.paste((10, 10, 12), mask=edges.filter(ImageFilter.MaxFilter(3)))
    return flat


def _halftone(rng: Rng, source: Image.Image) -> Image.Image:
    """A printed comic: dots or a one-bit screen."""
    width, height = source.size
    grey = np.asarray(source.convert("L"), np.float32) / 255
    pitch = float(rng.uniform(3, 7))
    y, x = np.mgrid[:height, :width]
    screen = (np.sin(x / pitch * 3.14 + y / pitch) * np.sin(y / pitch * 3.14 - x / pitch) + 1) / 2
    ink = np.array(rng.integers(0, 120, 3))
    paper = np.array(rng.integers(200, 256, 3))
    return Image.fromarray(np.where((grey > screen)[..., None], paper, ink).astype(np.uint8))


def _abstract(rng: Rng, source: Image.Image) -> Image.Image:
    """Fields of mapped colour, as generative art has them."""
    width, height = source.size
    y, x = np.mgrid[:height, :width] / max(source.size)
    field = np.zeros((height, width))
    for _ in range(int(rng.integers(2, 6))):
        a, b, c, d = rng.normal(0, 7, 4)
        field += np.sin(a * x + b * y + c * np.sin(d * x * y))
    phase = rng.uniform(0, 6.3, 3)
    bands = rng.uniform(0.5, 4)
    pixels = 127 + 120 * np.sin(field[..., None] * bands + phase)
    if rng.random() < 0.4:
        pixels = np.round(pixels / 40) * 40
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _spheres(rng: Rng, source: Image.Image) -> Image.Image:
    """A ray-traced still: shaded balls on a plane, noise-free gradients."""
    width, height = source.size
    y, x = np.mgrid[:height, :width].astype(np.float64)
    pixels = np.zeros((height, width, 3)) + (y / height)[..., None] * rng.integers(60, 200, 3) + rng.integers(0, 55, 3)
    for _ in range(int(rng.integers(3, 15))):
        cx, cy, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(20, height / 4)
        inside = (x - cx) ** 2 + (y - cy) ** 2 < r * r
        z = np.sqrt(np.clip(r * r - (x - cx) ** 2 - (y - cy) ** 2, 0, None)) / r
        light = np.clip(0.5 * z - 0.5 * (x - cx) / r - 0.5 * (y - cy) / r, 0, 1)
        shade = (0.15 + light)[..., None] * rng.integers(50, 255, 3) + (light**20)[..., None] * 160
        pixels = np.where(inside[..., None], shade, pixels)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _low_polygon(rng: Rng, source: Image.Image) -> Image.Image:
    """Triangles in the colours of a picture."""
    width, height = source.size
    canvas, step = source.copy(), int(rng.integers(18, 60))
    draw, colours = ImageDraw.Draw(canvas), np.asarray(source)
    for y in range(-step, height, step):
        for x in range(-step, width, step):
            for corner in ((0, 0), (1, 1)):
                points = [(x, y + step), (x + step, y), (x + corner[0] * step, y + corner[1] * step)]
                cx, cy = min(max(x + step // 2, 0), width - 1), min(max(y + step // 2, 0), height - 1)
                draw.polygon(
                    points, fill=tuple(int(c) for c in np.clip(colours[cy, cx] + rng.normal(0, 12, 3), 0, 255))
                )
    return canvas


def _sketch(rng: Rng, source: Image.Image) -> Image.Image:
    """Pencil on paper: contours of a picture on grain."""
    width, height = source.size
    grey = np.asarray(source.convert("L"), np.float32)
    soft = np.asarray(source.convert("L").filter(ImageFilter.GaussianBlur(5)), np.float32)
    line = np.clip(255 * grey / (soft + 1), 0, 255)
    paper = np.array([rng.integers(225, 256), rng.integers(220, 250), rng.integers(200, 245)])
    grain = rng.normal(0, rng.uniform(0, 5), (height, width, 1))
    return Image.fromarray(np.clip(line[..., None] / 255 * paper + grain, 0, 255).astype(np.uint8))


def _pixel_art(rng: Rng, source: Image.Image) -> Image.Image:
    scale = int(rng.integers(5, 14))
    small = (
        source.resize((source.width // scale, source.height // scale)).quantize(int(rng.integers(6, 32))).convert("RGB")
    )
    return small.resize((small.width * scale, small.height * scale), Image.Resampling.NEAREST)


_STYLES: tuple[Callable[[Rng, Image.Image], Image.Image], ...] = (
    _strokes, _posterised, _posterised, _halftone, _abstract, _spheres, _low_polygon, _sketch, _pixel_art,
)  # fmt: skip


def draw(rng: Rng, sources: Sequence[Image.Image]) -> tuple[Image.Image, int]:
    """One illustration, and the index of the photograph whose colours it borrows (for grouping in cross-validation)."""
    index = int(rng.integers(len(sources)))
    source = sources[index].convert("RGB")
    source = source.resize((source.width * 700 // max(source.size), source.height * 700 // max(source.size)))
    style = _STYLES[int(rng.integers(len(_STYLES)))]
    return style(rng, source), index
