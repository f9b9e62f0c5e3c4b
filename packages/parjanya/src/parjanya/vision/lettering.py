"""Lettering laid over a picture: short level runs between two steep flanks, again and again in one colour and one width.

Caller: ``parjanya.vision.features``. A photograph has such runs too (twigs, window bars), but their colours and widths are
spread, they are seldom level inside, and they do not stand in lines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LEVEL = 5  # neighbours within it count as one level: what JPEG does to an even stroke
_FLANK = 50  # how far a stroke stands out, on both sides
_OUTSIDE = 2  # px from the run to where its surroundings are read: an edge is blurred over one or two
_WIDEST = 24
_BAND = 8  # px: rows of lettering are counted in bands
_FEW = 30

Ints = NDArray[np.int16]


def describe(x: Ints, rgb: NDArray[np.uint8]) -> dict[str, float]:
    """Figures of *x* (grey, height x width) and *rgb*: how many strokes, how alike."""
    row, start, stop = _level_runs(x)
    middle = (start + stop) // 2
    inside = x[row, middle]
    before, after = inside - x[row, start - _OUTSIDE], inside - x[row, stop + _OUTSIDE]
    figures: dict[str, float] = {}
    best = (0, np.empty(0, np.int64))
    for name, strokes in (
        ("bright", (before > _FLANK) & (after > _FLANK)),
        ("dark", (before < -_FLANK) & (after < -_FLANK)),
    ):
        chosen = np.flatnonzero(strokes)
        figures[f"{name}_runs"] = float(np.log1p(1e4 * chosen.size / x.size))
        alike = _most_common_colour(rgb, row[chosen], middle[chosen])
        figures[f"{name}_runs_alike"] = float(np.count_nonzero(alike)) / max(chosen.size, _FEW)
        if np.count_nonzero(alike) > best[0]:
            best = int(np.count_nonzero(alike)), chosen[alike]
    count, letters = best
    figures["letter_runs"] = float(np.log1p(1e4 * count / x.size))
    figures.update(_order(row[letters], (stop - start)[letters], x.shape[0]))
    return figures


def _level_runs(x: Ints) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(row, first, last) of every maximal run of 2.._WIDEST pixels of one level, far enough from the sides."""
    level = np.zeros((x.shape[0], x.shape[1] + 1), np.int8)
    level[:, 1:-1] = np.abs(x[:, 1:] - x[:, :-1]) <= _LEVEL
    change = level[:, 1:] - level[:, :-1]
    row, first = np.nonzero(change == 1)
    last = np.nonzero(change == -1)[1]
    width = last - first
    kept = (width >= 1) & (width < _WIDEST) & (first >= _OUTSIDE) & (last + _OUTSIDE < x.shape[1])
    return row[kept], first[kept], last[kept]


def _most_common_colour(rgb: NDArray[np.uint8], row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.bool_]:
    if not row.size:
        return np.zeros(0, np.bool_)
    colour = rgb[row, column].astype(np.int32) >> 4
    keys = (colour[:, 0] << 8) | (colour[:, 1] << 4) | colour[:, 2]
    alike: NDArray[np.bool_] = keys == np.bincount(keys).argmax()
    return alike


def _order(row: NDArray[np.int64], width: NDArray[np.int64], height: int) -> dict[str, float]:
    """How strokes of one colour stand: in few bands of rows, and of one width."""
    if row.size < _FEW:
        return {"letter_bands": 0.0, "letter_width": 0.0}
    bands = np.sort(np.bincount(row // _BAND, minlength=height // _BAND + 1))[::-1]
    widths = np.bincount(width, minlength=_WIDEST + 2)
    three = widths[:-2] + widths[1:-1] + widths[2:]
    return {
        "letter_bands": float(bands[: max(1, bands.size // 10)].sum()) / row.size,
        "letter_width": float(three.max()) / row.size,
    }
