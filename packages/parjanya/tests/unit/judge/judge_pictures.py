"""Pictures and doubles that the tests of the judging stages make themselves."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from tbie.core.errors import ObjectMissingError
from tbie.core.keys import Address, ItemKey
from tbie.execution import Work


def data_folder() -> Path:
    """The folder of real test images beside the repository, or a skip with the reason."""
    root = next(
        p for p in Path(__file__).resolve().parents if (p / "pyproject.toml").exists() and (p / "packages").exists()
    )
    folder = Path(os.environ.get("PARJANYA_TEST_DATA", root.parent / "shared" / "data"))
    if not (folder / "photo").is_dir():
        pytest.skip(f"no real test images at {folder} (set PARJANYA_TEST_DATA)")
    return folder


def jpeg(image: Image.Image, quality: int = 88) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def scene(seed: int = 0, size: tuple[int, int] = (640, 448), *, noise: float = 1.0) -> Image.Image:
    """A made scene: soft light, sharp-edged shapes of many sizes and a little grain, as a lens would leave it."""
    rng = np.random.default_rng(seed)
    width, height = size
    fall = np.linspace(60, 190, height)[:, None] + np.linspace(-25, 25, width)[None, :]
    image = Image.fromarray(np.clip(np.stack([fall, fall * 0.92, fall * 0.8], -1), 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(160):
        x, y, r = rng.integers(0, width), rng.integers(0, height), int(rng.gamma(2.0, 9.0)) + 2
        colour = tuple(int(c) for c in rng.integers(30, 225, 3))
        points = [
            (x + r * np.cos(t), y + r * np.sin(t)) for t in np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
        ]
        draw.polygon(points, fill=colour)
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(0.4)), np.float32)
    return Image.fromarray(np.clip(soft + rng.normal(0, noise, soft.shape), 0, 255).astype(np.uint8))


def noisy(image: Image.Image, sigma: float, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    pixels: NDArray[np.float64] = np.asarray(image.convert("RGB"), np.float64)
    return Image.fromarray(np.clip(pixels + rng.normal(0, sigma, pixels.shape), 0, 255).astype(np.uint8))


class Shelf:
    """An object store in a dictionary that counts its reads."""

    def __init__(self) -> None:
        self.held: dict[Address, bytes] = {}
        self.reads = 0

    def put(self, data: bytes, suffix: str) -> Address:
        address = Address("objects", f"{len(self.held)}{suffix}")
        self.held[address] = data
        return address

    def get(self, address: Address) -> bytes:
        self.reads += 1
        if address not in self.held:
            raise ObjectMissingError(f"nothing at {address.bucket}/{address.key}")
        return self.held[address]

    def has(self, address: Address) -> bool:
        return address in self.held


def work_on(
    shelf: Shelf, encoded: bytes | None, stage: str = "quality", facts: dict[str, dict[str, object]] | None = None
) -> Work:
    """A work whose preview is on *shelf*; None names a preview that is not there."""
    address = shelf.put(encoded, ".jpg") if encoded is not None else Address("objects", "absent.jpg")
    preview: dict[str, object] = {"large": {"bucket": address.bucket, "key": address.key}}
    return Work(
        key=ItemKey("studio", "img-1"),
        stage=stage,
        generation=1,
        version="1:test",
        address=Address("file", "/photos/a.jpg"),
        attributes={"path": "/photos/a.jpg"},
        facts={"preview": preview, **(facts or {})},
    )


def dct_hash(image: Image.Image) -> str:
    """The perceptual hash of the contract, written out: 64 x 64 grey, 16 x 16 cosine frequencies, signs at the
    median.
    """
    grey = np.asarray(image.convert("L").resize((64, 64), Image.Resampling.LANCZOS), np.float64)
    basis = np.cos(np.pi * (2 * np.arange(64) + 1) * np.arange(1, 17)[:, None] / 128)
    values = (basis @ grey @ basis.T).round(3).ravel()
    return np.packbits(values > np.median(values)).tobytes().hex()
