"""Close scenes of the sample shoot: a sail, city lights, fruit, flowers, a portrait. One function, one picture."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from parjanya.demo.canvas import (
    HEIGHT_PX,
    WIDTH_PX,
    Colour,
    Floats,
    blurred,
    cloud,
    disc,
    glow,
    gradient,
    paint,
)

OVERSAMPLING = 2


def sailboat(sea: Floats, x: float) -> Floats:
    """A boat on *sea* (unchanged) at *x* 0..1: what the burst follows."""
    picture = sea.copy()
    ox, oy = x * WIDTH_PX, HEIGHT_PX * 0.60
    hull = [(-170, 0), (190, 0), (140, 58), (-120, 58)]
    main = [(8, -18), (8, -470), (150, -30)]
    jib = [(-8, -20), (-4, -430), (-150, -24)]
    for shape, colour in ((hull, (0.10, 0.07, 0.09)), (main, (0.98, 0.93, 0.86)), (jib, (0.80, 0.26, 0.22))):
        paint(picture, _polygon([(ox + px, oy + py) for px, py in shape]), colour)
    mast = [(ox - 3, oy - 490), (ox + 3, oy - 490), (ox + 3, oy), (ox - 3, oy)]
    paint(picture, _polygon(mast), (0.12, 0.08, 0.07))
    for seam in range(1, 5):
        level = oy - 18 - seam * 84
        paint(
            picture,
            _polygon(
                [
                    (ox + 10, level),
                    (ox + 148 - seam * 29, level + 6),
                    (ox + 148 - seam * 29, level + 9),
                    (ox + 10, level + 3),
                ]
            ),
            (0.70, 0.63, 0.58),
        )
    shade = [(ox - 120, oy + 58), (ox + 140, oy + 58), (ox + 90, oy + 210), (ox - 60, oy + 240)]
    paint(picture, _polygon(shade) * 0.35, (0.05, 0.05, 0.08))
    return picture


def city_lights(rng: np.random.Generator) -> Floats:
    """A wet railing in focus, a street of lights far behind it."""
    picture = gradient([(0.0, (0.02, 0.025, 0.06)), (0.6, (0.07, 0.06, 0.11)), (1.0, (0.03, 0.03, 0.05))])
    palette: tuple[Colour, ...] = (
        (1.0, 0.62, 0.26),
        (1.0, 0.32, 0.24),
        (0.36, 0.66, 1.0),
        (1.0, 0.86, 0.56),
        (0.42, 0.92, 0.74),
    )
    for _ in range(110):
        radius = float(rng.uniform(20, 92))
        centre = (float(rng.random()) * WIDTH_PX, float(rng.normal(0.46, 0.15)) * HEIGHT_PX)
        light = palette[int(rng.integers(len(palette)))]
        _add_disc(picture, centre, radius, light, float(rng.uniform(0.08, 0.40)))
    picture = blurred(picture, 2.2)
    rows = np.arange(HEIGHT_PX, dtype=np.float32)[:, None] / HEIGHT_PX
    metal = cloud(rng, HEIGHT_PX, WIDTH_PX, cells=90, octaves=4, gain=0.8)
    bar = np.clip(1 - np.abs(rows - 0.84) / 0.055, 0, 1)
    shine = (bar**3 * 0.5 + 0.06)[..., None] * np.array((0.86, 0.74, 0.66), np.float32) * (0.45 + metal[..., None])
    paint(picture, np.asarray((bar > 0) * np.ones((1, WIDTH_PX)), np.float32), shine)
    for _ in range(240):
        spot = (float(rng.random()) * WIDTH_PX, float(rng.uniform(0.795, 0.885)) * HEIGHT_PX)
        _add_disc(picture, spot, float(rng.uniform(3, 13)), (1.0, 0.86, 0.70), float(rng.uniform(0.1, 0.7)))
    return picture


def fruit(rng: np.random.Generator) -> Floats:
    """Five lit spheres on a cloth: shading, cast shadows, a catch light each."""
    picture = gradient(
        [(0.0, (0.17, 0.15, 0.14)), (0.52, (0.30, 0.25, 0.21)), (0.53, (0.62, 0.55, 0.46)), (1.0, (0.40, 0.33, 0.27))]
    )
    weave = cloud(rng, HEIGHT_PX, WIDTH_PX, cells=160, octaves=3, gain=0.9)
    picture *= 0.86 + 0.28 * weave[..., None]
    glow(picture, (0.2, 0.15), 0.5, (0.34, 0.27, 0.18), 0.5)
    placed = ((620, 900, 250), (1640, 860, 290), (1130, 1010, 235), (820, 1220, 180), (1560, 1230, 190))
    colours: tuple[Colour, ...] = (
        (0.82, 0.20, 0.14),
        (0.95, 0.60, 0.12),
        (0.58, 0.70, 0.20),
        (0.46, 0.12, 0.26),
        (0.90, 0.76, 0.26),
    )
    for (cx, cy, _), (_, _, r) in zip(placed, placed, strict=True):
        shadow = disc((HEIGHT_PX // 4, WIDTH_PX // 4), ((cx + r * 0.5) / 4, (cy + r * 0.8) / 4), r / 4)
        soft = np.asarray(Image.fromarray(shadow).resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.BICUBIC))
        paint(picture, np.clip(soft, 0, 1) * 0.55, (0.10, 0.07, 0.06))
    for (cx, cy, r), colour in zip(placed, colours, strict=True):
        _sphere(rng, picture, (cx, cy), r, colour)
    return picture


def flowers(rng: np.random.Generator) -> Floats:
    """A meadow: poppies from out of focus to sharp."""
    picture = gradient([(0.0, (0.62, 0.74, 0.80)), (0.34, (0.56, 0.66, 0.44)), (1.0, (0.12, 0.24, 0.08))])
    grass = cloud(rng, HEIGHT_PX, WIDTH_PX, cells=70, octaves=5, stretch=0.22, gain=0.8)
    rows = np.arange(HEIGHT_PX, dtype=np.float32)[:, None] / HEIGHT_PX
    picture *= 1 + (grass[..., None] - 0.5) * np.clip(rows * 2 - 0.5, 0, 1)[..., None] * 1.5
    for sharp, count in ((18.0, 90), (7.0, 40), (0.0, 16)):
        size = {18.0: 26, 7.0: 58, 0.0: 118}[sharp]
        level = {18.0: 0.42, 7.0: 0.58, 0.0: 0.76}[sharp]
        for _ in range(count):
            centre = (float(rng.random()) * WIDTH_PX, float(rng.normal(level, 0.07)) * HEIGHT_PX)
            _poppy(rng, picture, centre, float(rng.uniform(0.7, 1.2)) * size)
        if sharp:
            picture = blurred(picture, sharp / 2)
    return picture


def portrait(rng: np.random.Generator) -> Floats:
    """A figure before leaves out of focus, lit from the left; drawn upright, turned by its EXIF orientation."""
    picture = gradient([(0.0, (0.30, 0.38, 0.26)), (1.0, (0.10, 0.14, 0.10))], height=WIDTH_PX, width=HEIGHT_PX)
    for _ in range(120):
        spot = (float(rng.random()) * HEIGHT_PX, float(rng.random()) * WIDTH_PX * 0.8)
        _add_disc(picture, spot, float(rng.uniform(30, 110)), (0.62, 0.72, 0.36), float(rng.uniform(0.03, 0.16)))
    picture = blurred(picture, 7)
    cloth = cloud(rng, WIDTH_PX, HEIGHT_PX, cells=130, octaves=3, gain=0.9)
    _ellipse(picture, (800, 2330), (690, 700), (0.16, 0.22, 0.34), cloth)
    _ellipse(picture, (800, 1560), (150, 330), (0.72, 0.50, 0.40), cloth)
    _ellipse(picture, (800, 1010), (420, 520), (0.12, 0.08, 0.06), cloth)
    _ellipse(picture, (800, 1120), (330, 440), (0.86, 0.63, 0.51), cloth)
    _ellipse(picture, (800, 760), (372, 210), (0.14, 0.09, 0.06), cloth)
    for side in (-1, 1):
        _ellipse(picture, (800 + side * 135, 1090), (56, 24), (0.95, 0.93, 0.90), cloth)
        _ellipse(picture, (800 + side * 135, 1090), (24, 24), (0.20, 0.14, 0.09), cloth)
        _ellipse(picture, (800 + side * 135, 1022), (80, 14), (0.16, 0.10, 0.07), cloth)
    _ellipse(picture, (800, 1225), (42, 66), (0.80, 0.55, 0.44), cloth)
    _ellipse(picture, (800, 1370), (98, 25), (0.70, 0.32, 0.30), cloth)
    return picture


def _polygon(points: list[tuple[float, float]]) -> Floats:
    left = max(0, int(min(p[0] for p in points)) - 2)
    top = max(0, int(min(p[1] for p in points)) - 2)
    right = min(WIDTH_PX, int(max(p[0] for p in points)) + 3)
    bottom = min(HEIGHT_PX, int(max(p[1] for p in points)) + 3)
    size = ((right - left) * OVERSAMPLING, (bottom - top) * OVERSAMPLING)
    canvas = Image.new("L", size)
    local = [((px - left) * OVERSAMPLING, (py - top) * OVERSAMPLING) for px, py in points]
    ImageDraw.Draw(canvas).polygon(local, fill=255)
    mask = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
    small = canvas.resize((right - left, bottom - top), Image.Resampling.BOX)
    mask[top:bottom, left:right] = np.asarray(small, np.float32) / 255
    return mask


def _window(picture: Floats, centre: tuple[float, float], radius: float) -> tuple[Floats, tuple[float, float]]:
    height, width = picture.shape[:2]
    left, right = max(0, int(centre[0] - radius - 2)), min(width, int(centre[0] + radius + 3))
    top, bottom = max(0, int(centre[1] - radius - 2)), min(height, int(centre[1] + radius + 3))
    return picture[top : max(top, bottom), left : max(left, right)], (centre[0] - left, centre[1] - top)


def _add_disc(picture: Floats, centre: tuple[float, float], radius: float, colour: Colour, power: float) -> None:
    part, local = _window(picture, centre, radius)
    if part.size:
        part += (disc(part.shape[:2], local, radius) * power)[..., None] * np.asarray(colour, np.float32)


def _sphere(rng: np.random.Generator, picture: Floats, centre: tuple[int, int], radius: int, colour: Colour) -> None:
    part, local = _window(picture, centre, radius)
    height, width = part.shape[:2]
    dx = (np.arange(width, dtype=np.float32)[None, :] - local[0]) / radius
    dy = (np.arange(height, dtype=np.float32)[:, None] - local[1]) / radius
    dz = np.sqrt(np.clip(1 - dx**2 - dy**2, 0, 1))
    light = np.clip(-0.52 * dx - 0.60 * dy + 0.61 * dz, 0, 1)
    skin = cloud(rng, height, width, cells=50, octaves=3, gain=0.9)
    body = np.asarray(colour, np.float32) * (0.12 + 0.95 * light * (0.84 + 0.32 * skin))[..., None]
    body += (np.clip(light, 0, 1) ** 60 * 0.7)[..., None]
    paint(part, disc((height, width), local, radius), np.asarray(body, np.float32))


def _poppy(rng: np.random.Generator, picture: Floats, centre: tuple[float, float], size: float) -> None:
    for petal in range(5):
        angle = petal * 1.2566 + float(rng.random()) * 0.5
        at = (centre[0] + np.cos(angle) * size * 0.42, centre[1] + np.sin(angle) * size * 0.30)
        part, local = _window(picture, at, size * 0.55)
        if part.size:
            tone = 0.72 + 0.30 * float(rng.random())
            paint(part, disc(part.shape[:2], local, size * 0.52), (0.93 * tone, 0.17 * tone, 0.11 * tone))
    part, local = _window(picture, centre, size * 0.2)
    if part.size:
        paint(part, disc(part.shape[:2], local, size * 0.18), (0.08, 0.06, 0.07))


def _ellipse(picture: Floats, centre: tuple[int, int], radii: tuple[int, int], colour: Colour, texture: Floats) -> None:
    left, right = max(0, centre[0] - radii[0]), min(picture.shape[1], centre[0] + radii[0] + 1)
    top, bottom = max(0, centre[1] - radii[1]), min(picture.shape[0], centre[1] + radii[1] + 1)
    dy = (np.arange(top, bottom, dtype=np.float32)[:, None] - centre[1]) / radii[1]
    dx = (np.arange(left, right, dtype=np.float32)[None, :] - centre[0]) / radii[0]
    inside = np.clip((1 - np.hypot(dx, dy)) * min(radii), 0, 1)
    light = np.clip(0.98 - 0.42 * dx - 0.16 * dy, 0.25, 1.3) * (0.93 + 0.14 * texture[top:bottom, left:right])
    body = np.asarray(np.asarray(colour, np.float32) * light[..., None], np.float32)
    paint(picture[top:bottom, left:right], np.asarray(inside, np.float32), body)
