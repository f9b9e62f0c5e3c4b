"""Candidates to group: made up, each with as much as a test needs to know of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from parjanya.vision.candidate import Candidate

CAMERA = ("Acme", "Mk II", "42")


def some_hash(seed: int) -> str:
    """The hash of some scene: 128 of 256 bits set."""
    bits = np.zeros(256, np.uint8)
    bits[np.random.default_rng(seed).permutation(256)[:128]] = 1
    return np.packbits(bits).tobytes().hex()


def near(hash_hex: str, bits: int, seed: int = 0) -> str:
    """*hash_hex* with *bits* of its bits flipped, half of them each way."""
    array = np.unpackbits(np.frombuffer(bytes.fromhex(hash_hex), np.uint8))
    rng = np.random.default_rng(seed)
    ones, zeros = rng.permutation(np.flatnonzero(array)), rng.permutation(np.flatnonzero(array == 0))
    array[np.concatenate([ones[: bits // 2], zeros[: bits - bits // 2]])] ^= 1
    return np.packbits(array).tobytes().hex()


def image(item: str, **known: Any) -> Candidate:
    known.setdefault("path", f"/shoot/{item}.jpg")
    known.setdefault("sha256", item.encode().hex().ljust(64, "0"))
    return Candidate(item=item, **known)


def frame(item: str, at_ms: int, hash_hex: str, **known: Any) -> Candidate:
    return image(item, camera=CAMERA, taken_ms=at_ms, phash=hash_hex, **known)
