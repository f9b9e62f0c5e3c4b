"""Finds hashes within a distance by comparing with all of them, in blocks that stay in the cache of the processor.

Callers: the stage ``group``. A million hashes take 32 MB and a few milliseconds for each question; an index structure
would answer faster and have to be kept right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from parjanya.imaging.hashes import HASH_BITS

_WORDS = HASH_BITS // 64
_BLOCK = 16_384  # 128 KiB of each column: with its temporaries inside the second-level cache


class HashIndex:
    """An immutable set of hashes, each known by its position in *hashes* (64 hexadecimal digits each)."""

    def __init__(self, hashes: Sequence[str]) -> None:
        packed = np.frombuffer(bytes.fromhex("".join(hashes)), dtype=np.uint64).reshape(-1, _WORDS)
        self._columns: NDArray[np.uint64] = np.ascontiguousarray(packed.T)

    def __len__(self) -> int:
        return int(self._columns.shape[1])

    def search(self, query: str, radius: int) -> list[tuple[int, int]]:
        """(position, distance) of every hash at most *radius* bits from *query*, nearest first, then by position."""
        words = np.frombuffer(bytes.fromhex(query), dtype=np.uint64)
        found: list[tuple[int, int]] = []
        differing, counts = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK, np.uint8)
        totals = np.empty(_BLOCK, np.uint16)  # 256 differing bits do not fit into one byte
        for start in range(0, len(self), _BLOCK):
            block = self._columns[:, start : start + _BLOCK]
            size = block.shape[1]
            total = totals[:size]
            total.fill(0)
            for column, word in zip(block, words, strict=True):
                np.bitwise_xor(column, word, out=differing[:size])
                np.bitwise_count(differing[:size], out=counts[:size])
                np.add(total, counts[:size], out=total)
            hits = np.flatnonzero(total <= radius)
            found += zip((hits + start).tolist(), total[hits].tolist(), strict=True)
        return sorted(found, key=lambda pair: (pair[1], pair[0]))
