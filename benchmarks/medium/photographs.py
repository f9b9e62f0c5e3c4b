"""Photographs for training and checking the medium engine: real ones, and what people do to them before they hand
them in.

Caller: ``render``. The photographs themselves are not part of the repository; the folder is handed in.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Rng = np.random.Generator

#: In the metadata folders, by eye: screens, adverts, a logo, a game, a thermal image, damaged or blank frames.
NOT_PHOTOGRAPHS = frozenset(
    {
        "image00971",
        "image01088",
        "image01713",
        "45-gps_ifd",
        "67-0_length_string",
        "BlueSquare",
        "no_exif",
        "FLIR",
        "Issue_125",
        "Issue_258_(dotnet)",
        "Issue_80",
    }
)
_MIN_SIDE_PX = 300


def sources(data: Path) -> Iterator[tuple[str, Image.Image]]:
    """(group, image) for every usable photograph; the same scene in two folders has one group."""
    seen: list[tuple[str, np.ndarray]] = []
    folders = [*sorted((data / "photo").glob("*.png"))]
    folders += sorted(p for p in (data / "exif").rglob("*.jpg") if "orientation" not in p.parts)
    folders += sorted((data / "exif_golden").glob("*.jpg"))
    for path in folders:
        if path.stem in NOT_PHOTOGRAPHS:
            continue
        try:
            image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        except (OSError, ValueError, SyntaxError):
            continue
        if max(image.size) < _MIN_SIDE_PX:
            continue
        small = np.asarray(image.convert("L").resize((9, 8)), np.int16)
        bits = (small[:, 1:] > small[:, :-1]).ravel()
        group = next((g for g, b in seen if int((b != bits).sum()) <= 6), path.stem)
        seen.append((group, bits))
        image.thumbnail((2048, 2048))
        yield group, image


def variant(rng: Rng, image: Image.Image) -> Image.Image:
    """One plausible hand-in of *image*: cropped, scaled, re-toned, re-encoded, dark, high-key, grey, soft or dated."""
    width, height = image.size
    share = float(rng.uniform(0.55, 1))
    x, y = float(rng.uniform(0, 1 - share)) * width, float(rng.uniform(0, 1 - share)) * height
    out = image.crop((int(x), int(y), int(x + share * width), int(y + share * height)))
    scale = float(rng.uniform(380, 1500)) / max(out.size)
    if scale < 1.6:
        out = out.resize((max(64, int(out.width * scale)), max(64, int(out.height * scale))), Image.Resampling.LANCZOS)
    edit = int(rng.integers(10))
    if edit == 0:
        out = ImageEnhance.Brightness(out).enhance(float(rng.uniform(0.12, 0.6)))
    elif edit == 1:
        out = ImageEnhance.Brightness(out).enhance(float(rng.uniform(1.3, 2.1)))
    elif edit == 2:
        out = ImageOps.grayscale(out).convert("RGB")
    elif edit == 3:
        out = ImageEnhance.Contrast(out).enhance(float(rng.uniform(0.5, 1.8)))
    elif edit == 4:
        out = ImageEnhance.Color(out).enhance(float(rng.uniform(0.2, 2.0)))
    elif edit == 5:
        out = out.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.6, 4))))
    elif edit == 6:
        noise = rng.normal(0, rng.uniform(2, 14), (out.height, out.width, 3))
        out = Image.fromarray(np.clip(np.asarray(out, np.float32) + noise, 0, 255).astype(np.uint8))
    elif edit == 7:
        stamp = f"{int(rng.integers(1, 13))}/{int(rng.integers(1, 29))}/20{int(rng.integers(10, 30))}"
        ImageDraw.Draw(out).text(
            (out.width * 0.76, out.height * 0.93), stamp, fill=(255, 150, 30), font_size=out.height / 28
        )
    elif edit == 8:
        out = ImageOps.autocontrast(out, cutoff=float(rng.uniform(0.5, 4)))
    return recoded(rng, out) if rng.random() < 0.5 else out


def recoded(rng: Rng, image: Image.Image) -> Image.Image:
    """What an earlier save as JPEG left of *image*."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=int(rng.integers(45, 96)))
    return Image.open(buffer).convert("RGB")
