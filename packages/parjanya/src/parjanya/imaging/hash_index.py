"""Finds hashes within a distance by comparing with all of them, in blocks that stay in the cache of the processor.

A million hashes take 24 MB to scan and a few milliseconds for each question, all eight positions of the picture included
(docs/grouping.md); an index structure would have to be kept right, and at a fifth of the bits differing it would visit
most of itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from parjanya.imaging import orbits

BLOCK = 16_384
"""128 KiB of each column: with its temporaries inside the second-level cache."""


class HashIndex:
    """An immutable set of hashes, each known by its position in *hashes* (64 hexadecimal digits each)."""

    def __init__(self, hashes: Sequence[str]) -> None:
        uprights, bounds = [], []
        for start in range(0, len(hashes), BLOCK):  # in pieces: bits take 32 times the room of words
            bits = orbits.to_bits(hashes[start : start + BLOCK])
            uprights.append(orbits.to_words(bits)[0])
            bounds.append(orbits.to_bounds(bits))
        self._upright: orbits.Words = np.concatenate([np.empty((0, 4), np.uint64), *uprights])
        self._columns = np.ascontiguousarray(self._upright.T)
        nothing = np.empty(0, np.uint64)
        self._bounds = orbits.Bounds(*(np.concatenate([nothing, *(b[k] for b in bounds)]) for k in range(4)))

    def __len__(self) -> int:
        return len(self._upright)

    def search(self, query: str, radius: int) -> list[tuple[int, int]]:
        """(position, distance) of every hash at most *radius* bits from *query* as it stands, nearest first, then by
        position.
        """
        word_of = orbits.to_words(orbits.to_bits([query]))[0][0]
        found: list[tuple[int, int]] = []
        differing, counts = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint8)
        totals = np.empty(BLOCK, np.uint16)  # 256 differing bits do not fit into one byte
        for start in range(0, len(self), BLOCK):
            block = self._columns[:, start : start + BLOCK]
            size = block.shape[1]
            total = totals[:size]
            total.fill(0)
            for column, word in zip(block, word_of, strict=True):
                np.bitwise_xor(column, word, out=differing[:size])
                np.bitwise_count(differing[:size], out=counts[:size])
                np.add(total, counts[:size], out=total)
            hits = np.flatnonzero(total <= radius)
            found += zip((hits + start).tolist(), total[hits].tolist(), strict=True)
        return sorted(found, key=lambda pair: (pair[1], pair[0]))

    def search_turned(self, query: str, radius: int) -> list[tuple[int, int]]:
        """As ``search``, in whichever of the eight rotations and mirrorings comes nearest; *radius* below 192."""
        bits = orbits.to_bits([query])
        asked, scan = orbits.to_bounds(bits), orbits.Scan(self._bounds, BLOCK)
        ends = [(start, min(start + BLOCK, len(self))) for start in range(0, len(self), BLOCK)]
        near = [scan.within(asked, 0, start, stop, radius) for start, stop in ends]
        positions: NDArray[np.int64] = np.concatenate([np.empty(0, np.int64), *near])
        upright, turned = orbits.to_words(bits)
        distances = orbits.nearest(self._upright[positions], upright, turned)
        kept = distances <= radius
        found = zip(positions[kept].tolist(), distances[kept].tolist(), strict=True)
        return sorted(found, key=lambda pair: (pair[1], pair[0]))
