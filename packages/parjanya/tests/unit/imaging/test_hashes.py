"""The perceptual hash: near for copies, far for strangers, and its index finds what a plain loop finds."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from parjanya.imaging.hash_index import HashIndex
from parjanya.imaging.hashes import coefficients, dihedral, distance, phash

sys.path.insert(0, str(Path(__file__).parents[2]))
import makers

NEAR = 60

TURNS = (
    None,
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.ROTATE_180,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.ROTATE_90,
    Image.Transpose.TRANSVERSE,
)


def turned(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    return image if turn is None else image.transpose(turn)


@pytest.mark.parametrize("seed", range(4))
def test_copies_stay_near(seed: int) -> None:
    image = makers.scene(640, 420, seed)
    width, height = image.size
    copies = {
        "half": image.resize((width // 2, height // 2), Image.Resampling.LANCZOS),
        "grey": image.convert("L"),
        "brighter": ImageEnhance.Brightness(image).enhance(1.15),
        "cropped": image.crop((width // 50, height // 50, width - width // 50, height - height // 50)),
    }
    for name, copy in copies.items():
        assert distance(phash(image), phash(copy)) < NEAR, name


def test_strangers_stay_far() -> None:
    hashes = [phash(makers.scene(640, 420, seed)) for seed in range(12)]
    apart = [distance(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(apart) > NEAR


@pytest.mark.parametrize("seed", range(3))
def test_the_eight_variants_are_the_hashes_of_the_turned_images(seed: int) -> None:
    image = makers.scene(512, 512, seed)
    variants = dihedral(coefficients(image))
    assert variants[0] == phash(image)
    for variant, turn in zip(variants, TURNS, strict=True):
        assert distance(variant, phash(turned(image, turn))) <= 4, turn


def test_a_mirrored_copy_is_far_by_itself_and_near_through_the_variants() -> None:
    image = makers.scene(512, 400, 5)
    mirrored = phash(ImageOps.mirror(image))
    assert distance(phash(image), mirrored) > NEAR
    assert min(distance(variant, mirrored) for variant in dihedral(coefficients(image))) <= 4


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (64, 64), (63, 65)])
def test_images_of_any_shape_have_a_hash(size: tuple[int, int]) -> None:
    found = phash(Image.new("RGB", size, "red"))
    assert len(found) == 64
    assert int(found, 16) >= 0


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(0, 400),
    radius=st.integers(0, 256),
    flips=st.integers(0, 256),
)
def test_the_index_finds_exactly_what_a_loop_finds(seed: int, size: int, radius: int, flips: int) -> None:
    rng = np.random.default_rng(seed)
    hashes = [rng.bytes(32).hex() for _ in range(size)]
    query = int(hashes[0], 16) if hashes else 0
    for bit in rng.choice(256, flips, replace=False):
        query ^= 1 << int(bit)
    asked = f"{query:064x}"
    expected = sorted((distance(h, asked), i) for i, h in enumerate(hashes) if distance(h, asked) <= radius)
    assert HashIndex(hashes).search(asked, radius) == [(i, d) for d, i in expected]


def test_the_index_looks_into_every_block() -> None:
    rng = np.random.default_rng(1)
    hashes = [rng.bytes(32).hex() for _ in range(40_000)]
    index = HashIndex(hashes)
    for position in (0, 16_383, 16_384, 32_768, 39_999):
        assert (position, 0) in index.search(hashes[position], 31)
