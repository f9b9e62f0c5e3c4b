"""The sample shoot: twenty-four files that hold every case the product has an opinion on.

Called by ``parjanya demo`` and by tests that need real files. Everything is drawn from one seed; no network, no stored
image. The list below is the contract: a test counts on each name.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from parjanya.demo import documents, landscapes, subjects
from parjanya.demo.camera import Shot, save
from parjanya.demo.canvas import Floats, blurred, developed, panned

COUNT = 24
FIRST_EXTRA = 6700


def make_shoot(folder: Path, seed: int = 7, count: int = COUNT) -> None:
    """Draw the shoot into *folder*, which is made if need be. Existing files of the same names are replaced.

    *count* above 24 adds further landscapes; below 24 is a ValueError, since every file stands for a case.
    """
    if count < COUNT:
        raise ValueError(f"the sample shoot has {COUNT} files at least, not {count}")
    folder.mkdir(parents=True, exist_ok=True)
    morning = _mountain_morning(folder, np.random.default_rng([seed, 1]))
    _at_sea(folder, np.random.default_rng([seed, 2]))
    _mistakes(folder, np.random.default_rng([seed, 3]), *morning)
    _close(folder, np.random.default_rng([seed, 4]))
    _no_photographs(folder, np.random.default_rng([seed, 5]))
    for index in range(count - COUNT):
        _extra(folder, np.random.default_rng([seed, 6, index]), index)


def _frame(rng: np.random.Generator, picture: Floats, sigma: float = 0.012) -> Image.Image:
    return developed(rng, picture, sigma)


def _mountain_morning(folder: Path, rng: np.random.Generator) -> tuple[Floats, Floats]:
    water, sand = landscapes.lake(rng), landscapes.dunes(rng)
    first = folder / "IMG_6101.jpg"
    save(_frame(rng, landscapes.mountains(rng)), first, Shot("2026:06:20 05:31:08"))
    (folder / "IMG_6101 copy.jpg").write_bytes(first.read_bytes())
    save(_frame(rng, water), folder / "IMG_6108.jpg", Shot("2026:06:20 07:02:44", f_number=8))
    save(_frame(rng, sand), folder / "IMG_6115.jpg", Shot("2026:06:20 08:15:10", iso=100))
    stars = Shot("2026:06:20 23:48:02", exposure_s=(15, 1), f_number=1.8, iso=3200)
    save(_frame(rng, landscapes.night(rng), 0.02), folder / "IMG_6190.jpg", stars)
    return water, sand


def _at_sea(folder: Path, rng: np.random.Generator) -> None:
    water = landscapes.sea(rng)
    dawn = _frame(rng, water)
    save(dawn, folder / "IMG_6201.jpg", Shot("2026:06:21 05:12:30", position=(43.2965, 5.3698)))
    crop = dawn.crop((60, 40, 2340, 1560)).resize((1800, 1200), Image.Resampling.LANCZOS)
    save(crop, folder / "IMG_6201-web.jpg", Shot("2026:06:21 05:12:30", position=None), quality=72)
    softness: tuple[Callable[[Floats], Floats], ...] = (
        lambda p: panned(p, 14),
        lambda p: blurred(p, 2.2),
        lambda p: p,
        lambda p: panned(p, 7),
    )
    for index, soften in enumerate(softness):
        boat = soften(subjects.sailboat(water, 0.60 + 0.008 * index))
        tele = Shot("2026:06:21 05:14:07", "Sketch 70-200mm f/2.8", (1, 500), 4.0, 400, 200, f"{index * 25:02d}")
        save(_frame(rng, boat, 0.015), folder / f"IMG_62{10 + index}.jpg", tele)


def _mistakes(folder: Path, rng: np.random.Generator, water: Floats, sand: Floats) -> None:
    # mirrored: another place as far as anyone can tell, at no cost
    water, sand = water[:, ::-1], sand[:, ::-1]
    wood = landscapes.forest(rng)
    save(_frame(rng, blurred(wood, 16)), folder / "IMG_6302.jpg", Shot("2026:06:21 09:20:11", exposure_s=(1, 15)))
    save(_frame(rng, water * 0.07), folder / "IMG_6303.jpg", Shot("2026:06:21 09:41:55", iso=100))
    bright = sand * 2.1 + 0.25
    save(_frame(rng, bright), folder / "IMG_6304.jpg", Shot("2026:06:21 09:44:20", exposure_s=(1, 30)))
    small = _frame(rng, wood).resize((1200, 800), Image.Resampling.LANCZOS)
    save(small, folder / "IMG_6301.tif", Shot("2026:06:21 09:18:02", f_number=4))
    whole = folder / "IMG_6305.jpg"
    save(_frame(rng, sand * 0.9), whole, Shot("2026:06:21 09:50:00"))
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) * 2 // 5])
    (folder / "IMG_6306.jpg").write_text("Shot list\n1. first light\n2. the boat\n3. lunch\n", encoding="utf-8")


def _close(folder: Path, rng: np.random.Generator) -> None:
    night = Shot("2026:06:21 22:10:40", "Sketch 85mm f/1.4", (1, 125), 1.4, 1600, 85)
    save(_frame(rng, subjects.city_lights(rng), 0.018), folder / "IMG_6401.jpg", night)
    save(_frame(rng, subjects.fruit(rng)), folder / "IMG_6402.jpg", Shot("2026:06:22 11:02:13", f_number=8))
    save(_frame(rng, subjects.flowers(rng)), folder / "IMG_6403.webp", Shot("2026:06:22 12:30:51", f_number=2.8))
    lying = _frame(rng, subjects.portrait(rng)).transpose(Image.Transpose.ROTATE_90)
    face = Shot("2026:06:22 15:45:09", "Sketch 85mm f/1.4", (1, 320), 2.0, 160, 85, orientation=6)
    save(lying, folder / "IMG_6404.jpg", face)


def _no_photographs(folder: Path, rng: np.random.Generator) -> None:
    save(documents.screenshot(rng), folder / "Screenshot 2026-06-22.png", None)
    save(documents.slide(), folder / "slide-07.png", None)
    save(documents.chart(rng), folder / "chart.png", None)


def _extra(folder: Path, rng: np.random.Generator, index: int) -> None:
    scenes = (landscapes.mountains, landscapes.lake, landscapes.sea, landscapes.dunes, landscapes.forest)
    picture = scenes[index % len(scenes)](rng)
    taken = f"2026:06:{23 + index // 600 % 7:02d} {8 + index // 60 % 10:02d}:{index % 60:02d}:00"
    save(_frame(rng, picture), folder / f"IMG_{FIRST_EXTRA + index}.jpg", Shot(taken))
