"""How alike two images are, from their stored perceptual hashes alone; whichever way up or mirrored they were saved.

Caller: ``parjanya.vision.grouping``. What a hash is and how its eight positions are compared: ``parjanya.imaging.orbits``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from parjanya.imaging import orbits
from parjanya.imaging.orbits import Words

HASH_BITS = 256
_BLOCK = 16_384  # 128 KiB of each of three columns: with the temporaries inside the second-level cache

_PENDING = 1 << 18  # pairs whose exact distance is worked out at once: some 50 MiB

Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
_NO_PAIRS: Pairs = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))


def is_informative(hash_hex: str | None) -> bool:
    """Whether a hash describes a picture. A blank frame has no frequencies: its bits do not split at the median."""
    if hash_hex is None or len(hash_hex) != HASH_BITS // 4:
        return False
    return 3 * HASH_BITS // 8 <= int(hash_hex, 16).bit_count() <= 5 * HASH_BITS // 8


def upright_words(hashes: Sequence[str]) -> Words:
    """Of shape (len(hashes), 4)."""
    return orbits.to_words(orbits.to_bits(hashes))[0]


def upright_distance(words: Words, one: int, other: int) -> int:
    """Bits in which two images differ as they stand: 0..256."""
    return int(np.bitwise_count(words[one] ^ words[other]).sum())


def similar_pairs(hashes: Sequence[str], limit: int) -> Pairs:
    """Every pair whose distance, in the best of the eight positions, is at most *limit* bits (under 192).

    Returns (i, j, distance) with i < j, in that order. Exact: compares all pairs, 5 ns for each on one core.
    """
    bits = orbits.to_bits(hashes)
    upright, turned = orbits.to_words(bits)
    bounds = orbits.to_bounds(bits)
    scan, count = orbits.Scan(bounds, _BLOCK), len(hashes)
    found, ones, others, waiting = [_NO_PAIRS], [], [], 0
    # The block stays in the cache while every earlier image is compared with it.
    for start in range(0, count, _BLOCK):
        stop = min(start + _BLOCK, count)
        for one in range(stop - 1):
            near = scan.within(bounds, one, max(start, one + 1), stop, limit)
            if near.size:
                ones.append(np.full(near.size, one))
                others.append(near)
                waiting += near.size
            if waiting and (waiting >= _PENDING or one == stop - 2):
                i, j = np.concatenate(ones), np.concatenate(others)
                distance = orbits.nearest(upright[i], upright[j], turned[j])
                kept = distance <= limit
                found.append((i[kept], j[kept], distance[kept]))
                ones, others, waiting = [], [], 0
    i, j, distance = (np.concatenate([part[k] for part in found]) for k in range(3))
    order = np.lexsort((j, i))
    return i[order], j[order], distance[order]
