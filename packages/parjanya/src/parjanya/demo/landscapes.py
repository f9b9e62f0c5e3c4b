"""Wide scenes of the sample shoot: mountains, lake, sea, dunes, night. Each takes a generator and gives one picture.

They are built like a landscape is: a sky first, then layers from far to near, air between them, light last.
"""

from __future__ import annotations

import numpy as np

from parjanya.demo.canvas import (
    HEIGHT_PX,
    WIDTH_PX,
    Colour,
    Floats,
    below,
    cloud,
    disc,
    glow,
    gradient,
    grid,
    paint,
    ridge,
)

DAWN_SKY: list[tuple[float, Colour]] = [
    (0.0, (0.20, 0.30, 0.48)),
    (0.35, (0.52, 0.56, 0.66)),
    (0.55, (0.93, 0.70, 0.52)),
    (0.7, (0.98, 0.82, 0.62)),
]
NOON_SKY: list[tuple[float, Colour]] = [(0.0, (0.20, 0.42, 0.70)), (0.6, (0.66, 0.80, 0.90))]


def mountains(rng: np.random.Generator) -> Floats:
    """Five ridges at dawn, paler with distance."""
    picture = gradient(DAWN_SKY)
    _streaks(rng, picture, 0.30, (1.0, 0.86, 0.74))
    glow(picture, (0.68, 0.46), 0.10, (1.0, 0.72, 0.42), 0.55)
    texture = cloud(rng, HEIGHT_PX, WIDTH_PX, cells=24, octaves=6, gain=0.75)
    air = np.array((0.86, 0.72, 0.66), np.float32)
    near = np.array((0.06, 0.10, 0.12), np.float32)
    for layer in range(5):
        depth = (layer / 4) ** 0.8
        line = 0.44 + 0.115 * layer - (0.26 - 0.03 * layer) * ridge(rng, WIDTH_PX, cells=3 + layer)
        rock = air * (1 - depth) + near * depth
        relief = 1 + (texture - 0.5)[..., None] * (0.25 + 0.9 * depth)
        paint(picture, below(line), rock * relief)
        mist = np.clip((np.arange(HEIGHT_PX, dtype=np.float32)[:, None] / HEIGHT_PX - line[None, :]) * 3.2, 0, 1)
        paint(picture, mist * (1 - depth) * 0.55, tuple(air.tolist()))
    return picture


def lake(rng: np.random.Generator) -> Floats:
    """Snowy mountains and what the water makes of them."""
    horizon = int(HEIGHT_PX * 0.55)
    picture = gradient(NOON_SKY)
    _streaks(rng, picture, 0.55, (1.0, 1.0, 1.0))
    texture = cloud(rng, HEIGHT_PX, WIDTH_PX, cells=20, octaves=6, gain=0.7)
    line = 0.48 - 0.34 * ridge(rng, WIDTH_PX, cells=4)
    rows = np.arange(HEIGHT_PX, dtype=np.float32)[:, None] / HEIGHT_PX
    snow = np.clip((0.36 - rows + (texture - 0.5) * 0.28) * 14, 0, 1)[..., None]
    rock = np.array((0.30, 0.33, 0.38), np.float32) * (0.55 + 0.9 * texture[..., None])
    paint(
        picture,
        below(line),
        rock * (1 - snow) + np.array((0.93, 0.95, 0.98), np.float32) * snow * (0.7 + 0.4 * texture[..., None]),
    )
    shore = 0.55 - 0.05 * ridge(rng, WIDTH_PX, cells=30, roughness=0.8) * ridge(rng, WIDTH_PX, cells=3)
    paint(picture, below(shore), np.array((0.07, 0.13, 0.09), np.float32) * (0.6 + texture[..., None]))
    ripple = cloud(rng, HEIGHT_PX - horizon, WIDTH_PX, cells=50, octaves=3, stretch=9)
    depth = np.linspace(0.15, 1, HEIGHT_PX - horizon, dtype=np.float32)[:, None]
    source = horizon - 1 - np.arange(HEIGHT_PX - horizon)[:, None] + ((ripple - 0.5) * 90 * depth).astype(np.int64)
    mirrored = picture[np.clip(source, 0, horizon - 1), np.arange(WIDTH_PX)[None, :]]
    picture[horizon:] = mirrored * (0.62 + 0.22 * ripple[..., None]) * np.array((0.82, 0.93, 1.0), np.float32)
    return picture


def sea(rng: np.random.Generator, sun_x: float = 0.42) -> Floats:
    """The sun a hand above the sea, and its path on the water."""
    horizon = int(HEIGHT_PX * 0.52)
    picture = gradient(
        [(0.0, (0.16, 0.22, 0.40)), (0.3, (0.56, 0.44, 0.52)), (0.46, (0.96, 0.62, 0.40)), (0.52, (1.0, 0.80, 0.52))]
    )
    _streaks(rng, picture, 0.5, (1.0, 0.62, 0.46))
    sun = (sun_x * WIDTH_PX, HEIGHT_PX * 0.43)
    glow(picture, (sun_x, 0.43), 0.07, (1.0, 0.66, 0.32), 0.7)
    paint(picture, disc((HEIGHT_PX, WIDTH_PX), sun, 62), (1.0, 0.95, 0.78))
    rows = HEIGHT_PX - horizon
    depth = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    fine = cloud(rng, rows, WIDTH_PX, cells=70, octaves=4, stretch=8, gain=0.7)
    swell = cloud(rng, rows, WIDTH_PX, cells=14, octaves=4, stretch=7)
    wave = fine * (1 - depth * 0.6) + swell * depth * 0.6
    x, _ = grid()
    spread = 0.025 + 0.11 * depth
    path = np.exp(-(((x - sun_x) / spread) ** 2)) * np.clip((wave - 0.50) * 9, 0, 1)
    base = (1 - depth[..., None]) * np.array((0.56, 0.42, 0.42), np.float32) + depth[..., None] * np.array(
        (0.06, 0.11, 0.18), np.float32
    )
    picture[horizon:] = base * (0.45 + 1.1 * wave[..., None])
    picture[horizon:] += path[..., None] * np.array((1.0, 0.74, 0.42), np.float32)
    return picture


def dunes(rng: np.random.Generator) -> Floats:
    """Sand in low light: a lit side, a dark side, ripples on both."""
    picture = gradient([(0.0, (0.32, 0.50, 0.70)), (0.45, (0.86, 0.82, 0.76))])
    ripples = cloud(rng, HEIGHT_PX, WIDTH_PX, cells=60, octaves=4, stretch=3, gain=0.7)
    columns = np.arange(WIDTH_PX, dtype=np.float32)
    rows = np.arange(HEIGHT_PX, dtype=np.float32)[:, None] / HEIGHT_PX
    for layer in range(4):
        depth = layer / 3
        phase = float(rng.random()) * 6.28
        long_wave = np.sin(columns / WIDTH_PX * (5.4 - layer) + phase)
        line: Floats = np.asarray(
            0.40 + 0.15 * layer + (0.05 + 0.035 * layer) * long_wave + 0.012 * np.sin(columns / WIDTH_PX * 17 + phase),
            np.float32,
        )
        slope = np.gradient(line) * WIDTH_PX
        lit = np.clip(0.5 - slope[None, :] * 1.4 - (rows - line[None, :]) * 2.2, 0, 1)[..., None]
        sand = np.array((0.96, 0.70, 0.44), np.float32) * lit + np.array((0.40, 0.23, 0.17), np.float32) * (1 - lit)
        haze = np.array((0.92, 0.82, 0.72), np.float32)
        sand = sand * (0.35 + 0.65 * depth) + haze * (0.65 - 0.65 * depth)
        paint(picture, below(line), sand * (0.86 + 0.28 * ripples[..., None]))
    return picture


def night(rng: np.random.Generator) -> Floats:
    """Stars, the band of the galaxy, and a ridge that hides the rest."""
    picture = gradient([(0.0, (0.015, 0.02, 0.055)), (0.75, (0.09, 0.13, 0.22)), (1.0, (0.20, 0.20, 0.26))])
    x, y = grid()
    band = np.exp(-(((y - 0.95 + 0.85 * x) / 0.20) ** 2))
    dust = cloud(rng, HEIGHT_PX, WIDTH_PX, cells=6, octaves=7, gain=0.62)
    picture += (band * np.clip(dust - 0.25, 0, 1) * 0.55)[..., None] * np.array((0.85, 0.80, 1.0), np.float32)
    count = 5200
    rows = rng.integers(1, HEIGHT_PX - 1, count)
    columns = rng.integers(1, WIDTH_PX - 1, count)
    light = (rng.pareto(2.2, count) * 0.16).clip(0, 1.2).astype(np.float32)
    tint = 1 - rng.random((count, 3), dtype=np.float32) * 0.25
    for dy, dx, share in ((0, 0, 1.0), (0, 1, 0.4), (1, 0, 0.4), (0, -1, 0.4), (-1, 0, 0.4)):
        np.add.at(picture, (rows + dy, columns + dx), light[:, None] * tint * share)
    line = 0.90 - 0.20 * ridge(rng, WIDTH_PX, cells=5, roughness=0.6)
    paint(picture, below(line), (0.012, 0.014, 0.022))
    return picture


def forest(rng: np.random.Generator) -> Floats:
    """Trunks in fog: the near ones dark and wide, the far ones almost gone."""
    picture = gradient([(0.0, (0.80, 0.84, 0.80)), (0.6, (0.72, 0.76, 0.70)), (1.0, (0.34, 0.38, 0.28))])
    bark = cloud(rng, HEIGHT_PX, WIDTH_PX, cells=40, octaves=4, stretch=0.25, gain=0.7)
    leaves = cloud(rng, HEIGHT_PX, WIDTH_PX, cells=12, octaves=7, gain=0.7)
    rows = np.arange(HEIGHT_PX, dtype=np.float32)[:, None]
    for depth in np.linspace(0.12, 1, 26):
        _trunk(rng, picture, bark, float(depth))
    canopy = np.asarray(np.clip((leaves - 0.46 - rows / HEIGHT_PX * 0.75) * 9, 0, 1), np.float32)
    paint(picture, canopy * 0.85, np.array((0.20, 0.30, 0.14), np.float32) * (0.5 + leaves[..., None]))
    floor = np.asarray(np.clip((rows / HEIGHT_PX - 0.74 + (leaves - 0.5) * 0.16) * 9, 0, 1), np.float32)
    paint(picture, floor * 0.9, np.array((0.30, 0.30, 0.15), np.float32) * (0.35 + 1.1 * leaves[..., None]))
    return picture


def _trunk(rng: np.random.Generator, picture: Floats, bark: Floats, depth: float) -> None:
    lean, at = float(rng.normal(0, 0.03)), float(rng.random()) * WIDTH_PX
    left, right = max(0, int(at - 160)), min(WIDTH_PX, int(at + 160))
    rows = np.arange(HEIGHT_PX, dtype=np.float32)[:, None]
    columns = np.arange(left, right, dtype=np.float32)[None, :]
    centre = at + (rows - HEIGHT_PX / 2) * lean
    width = 10 + 62 * depth**2.4 * (0.75 + 0.25 * rows / HEIGHT_PX)
    mask = np.clip(width - np.abs(columns - centre) + 0.5, 0, 1) * (rows < HEIGHT_PX * (0.60 + 0.32 * depth))
    near = np.array((0.13, 0.12, 0.10), np.float32) * (0.4 + 1.3 * bark[:, left:right, None])
    fog = np.array((0.76, 0.80, 0.75), np.float32)
    share = np.float32(depth**1.3)
    paint(picture[:, left:right], mask.astype(np.float32), near * share + fog * (1 - share))


def _streaks(rng: np.random.Generator, picture: Floats, amount: float, colour: Colour) -> None:
    height = int(HEIGHT_PX * 0.55)
    veil = cloud(rng, height, WIDTH_PX, cells=5, octaves=6, stretch=4)
    fade = np.linspace(1, 0.25, height, dtype=np.float32)[:, None]
    paint(picture[:height], np.clip((veil - 0.48) * 3, 0, 1) * fade * amount, colour)
