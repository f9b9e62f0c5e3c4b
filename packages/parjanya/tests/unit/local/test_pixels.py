"""A preview becomes patches: shapes, budgets, what cannot be decoded. That the values are the library's: test_local_model."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from parjanya.vision.flow.device import UnreadableError
from parjanya.vision.local import pixels
from parjanya.vision.local.bounds import most_tokens
from parjanya.vision.local.folder import ImageRules
from parjanya.vision.local.prompt import Prompt

sys.path.insert(0, str(Path(__file__).parents[2]))
from local_models import preview

RULES = ImageRules(16, 2, 2, 65_536, (0.5, 0.4, 0.3), (0.5, 0.2, 0.1), 1 / 255, 3)
sides = st.integers(1, 2048)
budgets = st.integers(1024, 4 << 20)


@given(sides, sides, budgets)
def test_a_picture_is_whole_tokens_within_the_budget(width: int, height: int, budget: int) -> None:
    if max(width, height) > 200 * min(width, height):
        with pytest.raises(UnreadableError, match="longer than wide"):
            pixels.fitted(width, height, RULES, budget)
        return
    wide, high = pixels.fitted(width, height, RULES, budget)
    assert wide % 32 == high % 32 == 0
    assert min(wide, high) >= 32
    assert wide * high <= budget or min(wide, high) == 32  # a very long one keeps one token's breadth


def test_patches_go_through_squares_and_keep_every_pixel() -> None:
    source = np.random.default_rng(0).integers(0, 255, (96, 64, 3), dtype=np.uint8)
    rules = ImageRules(16, 2, 2, 32, (0.5,) * 3, (0.5,) * 3, 1 / 255, 3)
    cut, grid = pixels.patches(Image.fromarray(source), rules, 96 * 64)
    assert (grid, cut.shape) == ((6, 4), (24, 3, 16, 16))
    assert np.array_equal(cut[0], source[:16, :16].transpose(2, 0, 1))
    assert np.array_equal(cut[1], source[:16, 16:32].transpose(2, 0, 1))
    assert np.array_equal(cut[2], source[16:32, :16].transpose(2, 0, 1))
    assert np.array_equal(cut[4], source[:16, 32:48].transpose(2, 0, 1))
    assert np.array_equal(np.sort(cut.ravel()), np.sort(source.ravel()))


def test_bytes_become_the_numbers_that_the_model_wants() -> None:
    table = pixels.values(RULES)
    assert table.shape == (3, 256)
    assert table[0, 255] == pytest.approx(1.0)
    assert table[2, 0] == pytest.approx(-3.0)
    cut = np.full((1, 3, 16, 16), 255, np.uint8)
    numbers = pixels.pixel_values(cut, RULES).reshape(3, 2, 16, 16)
    assert np.unique(numbers[1]) == pytest.approx([3.0])


@pytest.mark.parametrize("data", [b"", b"not a picture", preview(1)[:400], b"GIF89a" + bytes(64)])
def test_what_cannot_be_decoded_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableError, match="cannot be decoded"):
        pixels.decode(data)


def test_a_picture_that_is_no_preview_is_not_decoded() -> None:
    buffer = io.BytesIO()
    Image.new("L", (8192, 4096)).save(buffer, "JPEG")
    with pytest.raises(UnreadableError, match="33,554,432 pixels: not a preview"):
        pixels.decode(buffer.getvalue())


@given(st.integers(1, 20), st.integers(1, 20))
def test_a_picture_takes_as_many_places_as_its_longer_side(rows: int, columns: int) -> None:
    prompt = Prompt(head=(5, 6, 7), rest=(8, 9), image=1, merge=2)
    grid = (2 * rows, 2 * columns)
    tail, places = prompt.tail(grid), prompt.positions(grid)
    assert len(tail) == places.shape[1] == prompt.length(grid) - 3
    assert places[:, 0].tolist() == [3, 3, 3]
    assert places[:, -3].tolist() == [3, 2 + rows, 2 + columns]
    assert places[:, -1].tolist() == [4 + max(rows, columns)] * 3


def test_no_answer_can_be_longer_than_the_schema_allows() -> None:
    assert 700 < most_tokens() < 1400
