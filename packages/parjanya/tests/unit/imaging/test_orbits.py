"""Eight positions from one hash: the bound is one, the distance is the nearest, and the search misses nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parjanya.imaging import orbits
from parjanya.imaging.hash_index import HashIndex
from parjanya.vision import likeness
from parjanya.vision.likeness import similar_pairs

ODD = (np.arange(1, 17) % 2 == 1).astype(np.uint8)


def positions(bits: orbits.Bits) -> list[orbits.Bits]:
    """The eight hashes of one picture, straight from what mirroring and turning do to frequencies."""
    across, down = ODD[None, :], ODD[:, None]
    return [face ^ m for face in (bits, bits.T) for m in (np.uint8(0), across, down, across ^ down)]


def plain_distance(one: orbits.Bits, other: orbits.Bits) -> int:
    return min(int((one != turned).sum()) for turned in positions(other))


def some(rng: np.random.Generator, count: int, scenes: int, most_bits: int) -> orbits.Bits:
    """Hashes of *scenes* pictures, each in some position and with up to *most_bits* changed."""
    bases = rng.integers(0, 2, (scenes, 16, 16)).astype(np.uint8)
    found = []
    for k in range(count):
        bits = positions(bases[k % scenes])[int(rng.integers(8))].ravel().copy()
        bits[rng.permutation(256)[: int(rng.integers(0, most_bits + 1))]] ^= 1
        found.append(bits.reshape(16, 16))
    return np.array(found)


def as_hex(bits: orbits.Bits) -> list[str]:
    return [np.packbits(b).tobytes().hex() for b in bits]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scenes=st.integers(1, 8), limit=st.integers(0, 120))
def test_all_pairs_are_those_that_a_plain_loop_finds(seed: int, scenes: int, limit: int) -> None:
    bits = some(np.random.default_rng(seed), 24, scenes, 90)
    expected = [
        (i, j, distance)
        for i in range(24)
        for j in range(i + 1, 24)
        if (distance := plain_distance(bits[i], bits[j])) <= limit
    ]
    found = similar_pairs(as_hex(bits), limit)
    assert list(zip(*(part.tolist() for part in found), strict=True)) == expected


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), limit=st.integers(0, 120))
def test_a_search_in_all_positions_finds_what_a_plain_loop_finds(seed: int, limit: int) -> None:
    bits = some(np.random.default_rng(seed), 40, 3, 90)
    expected = sorted((d, i) for i in range(40) if (d := plain_distance(bits[i], bits[0])) <= limit)
    assert HashIndex(as_hex(bits)).search_turned(as_hex(bits)[0], limit) == [(i, d) for d, i in expected]


@pytest.mark.parametrize("position", [0, 16_383, 16_384, 32_768, 39_999])
def test_a_turned_copy_is_found_in_every_block(position: int) -> None:
    bits = np.random.default_rng(1).integers(0, 2, (40_000, 16, 16)).astype(np.uint8)
    index = HashIndex(as_hex(bits))
    for turned in positions(bits[position]):
        assert index.search_turned(as_hex(turned[None])[0], 31) == [(position, 0)]


def test_pairs_that_lie_in_different_blocks_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "_BLOCK", 64)
    bits = np.random.default_rng(5).integers(0, 2, (400, 16, 16)).astype(np.uint8)
    copies = {3: 70, 63: 64, 20: 399}
    for original, copy in copies.items():
        bits[copy] = positions(bits[original])[6]
    i, j, distance = similar_pairs(as_hex(bits), 20)
    assert dict(zip(i.tolist(), j.tolist(), strict=True)) == copies
    assert set(distance.tolist()) == {0}


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_hashes_make_no_pair(count: int) -> None:
    assert [part.size for part in similar_pairs(["0f" * 32] * count, 52)] == [0, 0, 0]
    assert len(HashIndex(["0f" * 32] * count).search_turned("0f" * 32, 52)) == count
