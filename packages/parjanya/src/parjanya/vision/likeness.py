"""How alike two images are, from their stored perceptual hashes alone; whichever way up or mirrored they were saved.

Caller: ``parjanya.vision.grouping``. The hash is the sign, against the median, of 16 x 16 cosine frequencies.
Mirroring an image negates its odd frequencies along one axis, turning it also transposes them. So the 256 bits are
sorted into four 64-bit words by the parity of their row and column; a mirrored image then differs by whole inverted
words, and the distances to all four mirrorings are sums of the same four popcounts, each taken as it is or from 64.
All eight positions cost eight popcounts per pair instead of thirty-two, and nothing but the hash has to be stored.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

HASH_BITS = 256
_SIDE = 16
_BLOCK = 32  # rows compared at once: the counts of a block against 10,000 images stay within the cache

Words = NDArray[np.uint64]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

# Which words invert: (odd row & odd column, odd row & even, even & odd, even & even), per mirroring.
_MIRRORINGS = ((0, 0, 0, 0), (1, 0, 1, 0), (1, 1, 0, 0), (0, 1, 1, 0))


def is_informative(hash_hex: str | None) -> bool:
    """Whether a hash describes a picture. A blank frame has no frequencies: its bits do not split at the median."""
    if hash_hex is None or len(hash_hex) != HASH_BITS // 4:
        return False
    return 3 * HASH_BITS // 8 <= int(hash_hex, 16).bit_count() <= 5 * HASH_BITS // 8


def to_words(hashes: Sequence[str]) -> tuple[Words, Words]:
    """(words, words of the transposed image), each of shape (len(hashes), 4), sorted by parity of row and column."""
    data = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(len(hashes), HASH_BITS // 8)
    bits = np.unpackbits(data, axis=1).reshape(-1, _SIDE, _SIDE)
    return _by_parity(bits), _by_parity(bits.transpose(0, 2, 1))


def _by_parity(bits: NDArray[np.uint8]) -> Words:
    parts = [np.packbits(bits[:, r::2, c::2].reshape(len(bits), -1), axis=1) for r in (0, 1) for c in (0, 1)]
    return np.ascontiguousarray(np.stack(parts, axis=1)).view(np.uint64)[..., 0]


def upright_distance(words: Words, one: int, other: int) -> int:
    """Bits in which two images differ as they stand: 0..256."""
    return int(np.bitwise_count(words[one] ^ words[other]).sum())


def similar_pairs(hashes: Sequence[str], limit: int) -> Pairs:
    """Every pair (i < j) whose distance, in the best of the eight positions, is at most *limit* bits.

    Returns (i, j, distance). Exact: compares all pairs, about 1.5 s for 10,000 images on one core.
    """
    if len(hashes) < 2:
        empty = np.empty(0, np.int64)
        return empty, empty, empty
    upright, turned = to_words(hashes)
    columns = [np.ascontiguousarray(upright[:, k]) for k in range(4)]
    found: list[Pairs] = []
    for start in range(0, len(hashes), _BLOCK):
        rows = slice(start, start + _BLOCK)
        for words in (upright, turned):
            i, j = np.nonzero(_least_distance(words[rows], columns, start) <= limit)
            i, j = i + start, j + start
            i, j = i[j > i], j[j > i]
            if i.size:
                found.append((i, j, _exact_distance(words[i], upright[j])))
    return _closest(found, limit, len(hashes))


def _least_distance(words: Words, columns: Sequence[Words], start: int) -> NDArray[np.uint8]:
    """A bound from below that needs no case distinction: every word inverted or not, whichever is nearer."""
    total: NDArray[np.uint8] | None = None
    for k in range(4):
        count = np.bitwise_count(words[:, k, None] ^ columns[k][None, start:])
        np.minimum(count, 64 - count, out=count)
        total = count if total is None else np.add(total, count, out=total)
    assert total is not None
    return total


def _exact_distance(one: Words, other: Words) -> NDArray[np.int64]:
    counts = np.bitwise_count(one ^ other).astype(np.int64)
    positions = [np.where(np.array(inverted, bool), 64 - counts, counts).sum(axis=1) for inverted in _MIRRORINGS]
    nearest: NDArray[np.int64] = np.minimum.reduce(positions)
    return nearest


def _closest(found: list[Pairs], limit: int, count: int) -> Pairs:
    """Each pair once, with its smaller distance, in order of (i, j)."""
    if not found:
        empty = np.empty(0, np.int64)
        return empty, empty, empty
    i, j, distance = (np.concatenate([part[k] for part in found]) for k in range(3))
    within = distance <= limit
    i, j, distance = i[within], j[within], distance[within]
    order = np.lexsort((distance, i * count + j))
    i, j, distance = i[order], j[order], distance[order]
    first = np.ones(i.size, bool)
    first[1:] = (i[1:] != i[:-1]) | (j[1:] != j[:-1])
    return i[first], j[first], distance[first]
