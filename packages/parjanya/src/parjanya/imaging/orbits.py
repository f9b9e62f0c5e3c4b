"""The eight positions of a picture (four rotations, each also mirrored), and how near two pictures come in the best of them.

Callers: ``hash_index`` searches among many, ``parjanya.vision.likeness`` compares all with all. The hash is the sign, against
the median, of 16 x 16 cosine frequencies. Mirroring negates the odd frequencies along one axis, turning also transposes them. So
the 256 bits are sorted into four 64-bit words by the parity of their row and column: a mirrored image differs by whole inverted
words, and nothing but the hash has to be stored.

Eight positions would still mean 32 words to compare. ``Bounds`` holds three words that no rotation changes, and from which a
distance follows that no position can fall below. Unrelated pictures are seldom within reach of it (about one pair in 30,000
at 52 bits), so the exact distance is only worked out for the few that are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_SIDE = 16
_HASH_BYTES = _SIDE * _SIDE // 8

Words = NDArray[np.uint64]
Bits = NDArray[np.uint8]

# Which words invert: (odd row & odd column, odd row & even, even & odd, even & even), per mirroring.
_MIRRORINGS = ((0, 0, 0, 0), (1, 0, 1, 0), (1, 1, 0, 0), (0, 1, 1, 0))
_UPPER = np.triu_indices(8, 1)  # 28 pairs of frequencies that change places when the image is turned
_DIAGONAL = np.arange(8)


class Bounds(NamedTuple):
    """Three words per hash, unchanged by rotation, each of shape (count,), and what a single mirroring makes of ``odd``.

    ``even`` and ``odd`` hold, of the frequencies that are even (odd) along both axes, the *or* and the *and* of each
    two that turning exchanges, and the eight on the diagonal: 28 + 28 + 8 bits. ``mixed`` holds the *xor* of each two that
    are odd along one axis only. A single mirroring inverts ``mixed`` and turns ``odd`` into ``odd_mirrored``.
    """

    even: Words
    odd: Words
    odd_mirrored: Words
    mixed: Words


def to_bits(hashes: Sequence[str]) -> Bits:
    """Of shape (len(hashes), 16, 16): vertical frequency first."""
    data = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(len(hashes), _HASH_BYTES)
    return np.unpackbits(data, axis=1).reshape(-1, _SIDE, _SIDE)


def to_words(bits: Bits) -> tuple[Words, Words]:
    """(words, words of the transposed image), each of shape (count, 4), sorted by parity of row and column."""
    return _by_parity(bits), _by_parity(bits.transpose(0, 2, 1))


def to_bounds(bits: Bits) -> Bounds:
    """What no rotation changes."""
    odd = bits[:, 0::2, 0::2]  # the first frequency is 1
    mixed = bits[:, 0::2, 1::2] ^ bits[:, 1::2, 0::2].transpose(0, 2, 1)
    return Bounds(
        _unturned(bits[:, 1::2, 1::2]), _unturned(odd), _unturned(odd ^ np.uint8(1)), _packed(mixed.reshape(-1, 64))
    )


def _unturned(block: Bits) -> Words:
    upper, lower = block[:, _UPPER[0], _UPPER[1]], block[:, _UPPER[1], _UPPER[0]]
    return _packed(np.concatenate([upper | lower, upper & lower, block[:, _DIAGONAL, _DIAGONAL]], axis=1))


def _by_parity(bits: Bits) -> Words:
    return np.stack([_packed(bits[:, r::2, c::2].reshape(-1, 64)) for r in (0, 1) for c in (0, 1)], axis=1)


def _packed(bits: Bits) -> Words:
    return np.ascontiguousarray(np.packbits(bits, axis=1)).view(np.uint64)[:, 0]


def nearest(one: Words, other: Words, other_turned: Words) -> NDArray[np.int64]:
    """The distance in the best of the eight positions, 0..256, for each row of *one* and *other* (count, 4)."""
    found: NDArray[np.int64] = np.minimum(_mirrored(one, other), _mirrored(one, other_turned))
    return found


def _mirrored(one: Words, other: Words) -> NDArray[np.int64]:
    counts = np.bitwise_count(one ^ other).astype(np.int64)
    positions = [np.where(np.array(inverted, bool), 64 - counts, counts).sum(axis=1) for inverted in _MIRRORINGS]
    least: NDArray[np.int64] = np.minimum.reduce(positions)
    return least


class Scan:
    """Compares one hash with a block of many at a time, in memory that it keeps: blocks should stay in the cache."""

    def __init__(self, bounds: Bounds, block: int) -> None:
        self._bounds = bounds
        self._words = np.empty(block, np.uint64)
        self._counts = [np.empty(block, np.uint8) for _ in range(3)]

    def within(self, query: Bounds, row: int, start: int, stop: int, limit: int) -> NDArray[np.int64]:
        """Positions, start..stop, of the hashes whose bound from row *row* of *query* is at most *limit* (under 192).

        None whose true distance is within the limit is missing.
        """
        size = stop - start
        words, (upright, mirrored, mixed) = self._words[:size], (counts[:size] for counts in self._counts)
        many = self._bounds

        def differing(column: Words, word: np.uint64, out: NDArray[np.uint8]) -> None:
            np.bitwise_xor(column[start:stop], word, out=words)
            np.bitwise_count(words, out=out)

        differing(many.odd, query.odd[row], upright)
        differing(many.odd, query.odd_mirrored[row], mirrored)
        differing(many.mixed, query.mixed[row], mixed)
        np.add(upright, mixed, out=upright)
        np.subtract(64, mixed, out=mixed)
        np.add(mirrored, mixed, out=mirrored)
        np.minimum(upright, mirrored, out=upright)
        differing(many.even, query.even[row], mixed)
        np.add(upright, mixed, out=upright)
        return np.flatnonzero(upright <= limit) + start
