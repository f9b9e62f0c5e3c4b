"""The pictures that drills work on: small landscapes, no two alike, and a screenshot; drawn once for all drills.

Caller: ``run``. Small, because a drill is about what happens between processes and not about pixels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from parjanya.demo.camera import Shot, save
from parjanya.demo.canvas import below, cloud, gradient, paint, ridge, to_image
from parjanya.demo.documents import screenshot

WIDTH_PX, HEIGHT_PX = 720, 480
LARGE_PX = (4800, 3200)
"""Decoding this takes a tenth of a second and more: long enough to be killed in the middle of it."""

LARGE = "large.jpg"
COUNT = 8
"""A worker takes four at a time: this leaves as many in the queue."""


def draw(folder: Path, count: int = COUNT) -> list[Path]:
    """Draw *count* small pictures, a large one and a screenshot into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(count):
        paths.append(folder / f"view-{index:02}.jpg")
        save(_view(index), paths[-1], Shot(f"2026:06:20 {8 + index:02}:00:00"))
    paths.append(folder / LARGE)
    save(_view(count).resize(LARGE_PX, Image.Resampling.BICUBIC), paths[-1], Shot("2026:06:20 20:00:00"))
    paths.append(folder / "screenshot.png")
    save(screenshot(np.random.default_rng([11, 99])), paths[-1], None)
    return paths


def _view(seed: int) -> Image.Image:
    rng = np.random.default_rng([11, seed])
    sky, land = rng.random(3) * 0.5 + 0.4, rng.random(3) * 0.4
    horizon = float(rng.random() * 0.3 + 0.35)
    top, bottom = (float(sky[0]), float(sky[1]), float(sky[2])), (0.9, 0.8, 0.7)
    picture = gradient([(0.0, top), (1.0, bottom)], HEIGHT_PX, WIDTH_PX)
    picture += (cloud(rng, HEIGHT_PX, WIDTH_PX)[..., None] - 0.5) * 0.2
    hills = horizon + ridge(rng, WIDTH_PX) * 0.3
    colour = (float(land[0]), float(land[1]), float(land[2]))
    paint(picture, below(hills.astype(np.float32), HEIGHT_PX), colour)
    picture += rng.normal(0, 0.02, picture.shape).astype(np.float32)
    return to_image(picture)
