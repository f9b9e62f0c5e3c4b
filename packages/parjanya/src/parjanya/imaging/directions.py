"""Whether an image is as sharp in every direction: a moving camera takes detail along its path and leaves it across.

Caller: ``parjanya.imaging.quality``. In four directions the gradient along that direction is blurred along it; the energy that
is lost is its sharpness there, as in ``quality``. The least of the four over the greatest is near 1 for what is in focus,
whatever is in it, and falls with the length of the movement (docs/quality.md). Half of the image is measured, in bands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BAND = 64  # rows measured, then as many passed over
_CELL = 16
_TAPS = 4  # sums of neighbours: a blur of sigma 1 px
_FLAT_SHARE = 0.1
_MIN_STRUCTURE = 0.5
_SIGNAL_TO_NOISE = 3.0
_FEW_CELLS = 16
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # (down, right)

Floats = NDArray[np.float32]


def evenness(grey: NDArray[np.uint8]) -> float | None:
    """0..1, or None where the image is too small or holds too little structure in some direction to say."""
    height, width = grey.shape
    if height < _BAND or width < _BAND:
        return None
    count = max(1, height // (2 * _BAND))
    bands = np.stack([grey[k * 2 * _BAND : k * 2 * _BAND + _BAND] for k in range(count)]).astype(np.float32)
    found = [_sharpness(bands, down, right) for down, right in _STEPS]
    known = [value for value in found if value is not None]
    if len(known) < len(found) or max(known) <= 0:
        return None
    return min(known) / max(known)


def _sharpness(bands: Floats, down: int, right: int) -> float | None:
    first, second = _neighbours(bands, down, right)
    gradient = blurred = second - first
    for _ in range(_TAPS):
        first, second = _neighbours(blurred, down, right)
        blurred = first + second
    top, left = (gradient.shape[1] - blurred.shape[1]) // 2, (gradient.shape[2] - blurred.shape[2]) // 2
    gradient = gradient[:, top : top + blurred.shape[1], left : left + blurred.shape[2]]
    plain, again = _cells(gradient), _cells(blurred) / 4**_TAPS
    if plain.size < _FEW_CELLS:
        return None
    flattest = np.argsort(again, kind="stable")[: max(4, int(plain.size * _FLAT_SHARE))]
    structured = again > _MIN_STRUCTURE + _SIGNAL_TO_NOISE * again[flattest].mean()
    kept = np.maximum(plain[structured] - plain[flattest].mean(), 0).sum()
    left_over = np.maximum(again[structured] - again[flattest].mean(), 0).sum()
    return float(1 - np.sqrt(min(1.0, left_over / kept))) if kept > 0 else None


def _neighbours(x: Floats, down: int, right: int) -> tuple[Floats, Floats]:
    rows, columns = x.shape[1] - down, x.shape[2] - abs(right)
    at = max(0, -right)
    return x[:, :rows, at : at + columns], x[:, down:, max(0, right) : max(0, right) + columns]


def _cells(x: Floats) -> NDArray[np.float64]:
    """The mean energy of every cell, in one row."""
    rows, columns = x.shape[1] // _CELL, x.shape[2] // _CELL
    cut = x[:, : rows * _CELL, : columns * _CELL]
    energy = (cut * cut).reshape(len(x), rows, _CELL, columns, _CELL)
    means: NDArray[np.float64] = energy.mean(axis=(2, 4), dtype=np.float64).ravel()
    return means
