"""Figures in which drawn, rendered and photographed images differ, measured on the pixels of a preview.

Callers: ``parjanya.vision.classical`` and the programs that train it. A sensor leaves grain and optics leave slopes; a
renderer leaves perfectly flat areas, few exact colours, one-pixel steps, straight edges along the axes and strokes of
one colour. Every figure is a share or a level that survives the preview's JPEG encoding; none knows file names, sizes
or formats. Sources of the ideas: Wang and Kan 2006 (icon or photo), Ng et al. 2005 (photographic or computer-made).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Raise when any figure changes its meaning: the model has to be trained again.
CODE_VERSION = 1

_STRONG = 60  # twice the gradient that counts as an edge, in levels
_TILE = 16
_PIXELS_OF_TILE = _TILE * _TILE

Ints = NDArray[np.int16]
Bools = NDArray[np.bool_]


def describe(rgb: NDArray[np.uint8], grey: NDArray[np.uint8]) -> dict[str, float]:
    """The figures of one image: *rgb* (height, width, 3) and *grey* (height, width), uint8, both sides at least 32
    px.
    """
    x = grey.astype(np.int16)
    return {
        **_flatness(x),
        **_tones(grey),
        **_colours(rgb),
        **_edges(x, rgb),
        **_tiles(x),
        **_spectrum(x),
        **_border(x),
    }


def _share(mask: Bools) -> float:
    return float(np.count_nonzero(mask)) / mask.size if mask.size else 0.0


def _flatness(x: Ints) -> dict[str, float]:
    """Where nothing happens: second differences of exactly zero, and how much grain the quiet half of the image has."""
    rows = x[:-2] - 2 * x[1:-1] + x[2:]
    response = np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:])
    counts = np.bincount(response.ravel(), minlength=64)
    cumulative = counts.cumsum() / response.size
    laplacian = np.abs(4 * x[1:-1, 1:-1] - x[:-2, 1:-1] - x[2:, 1:-1] - x[1:-1, :-2] - x[1:-1, 2:])
    spread = np.minimum(laplacian, 255).astype(np.float32)
    power = float((spread * spread).mean()) + 0.1
    return {
        "zero_laplacian": _share(laplacian == 0),
        "tiny_laplacian": _share(laplacian <= 2),
        "noise_p25": float(np.searchsorted(cumulative, 0.25)),
        "noise_p50": float(np.searchsorted(cumulative, 0.5)),
        "noise_p75": float(np.searchsorted(cumulative, 0.75)),
        # Edges on emptiness have heavy tails: the fourth moment against the square of the second.
        "tail_weight": float(np.log((np.square(np.square(spread)).mean() + 1) / (power * power))),
    }


def _tones(grey: NDArray[np.uint8]) -> dict[str, float]:
    counts = np.bincount(grey.ravel(), minlength=256) / grey.size
    smooth = np.convolve(counts, [0.2, 0.2, 0.2, 0.2, 0.2], mode="same")
    peaks = np.sort(counts)[::-1]
    return {
        "tone_comb": float(np.abs(counts - smooth).sum()),
        "top_tone": float(peaks[0]),
        "top4_tones": float(peaks[:4].sum()),
        "white": float(counts[250:].sum()),
        "black": float(counts[:6].sum()),
    }


def _colours(rgb: NDArray[np.uint8]) -> dict[str, float]:
    step = 1 if rgb.size < 300_000 else 3
    red, green, blue = (rgb[::step, ::step, k].astype(np.int16) for k in range(3))
    keys = ((red >> 3) << 10) | ((green >> 3) << 5) | (blue >> 3)
    counts = np.bincount(keys.ravel(), minlength=32768)
    shares = np.sort(counts[counts > 0])[::-1] / keys.size
    chroma = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return {
        "top_colour": float(shares[0]),
        "top4_colours": float(shares[:4].sum()),
        "top16_colours": float(shares[:16].sum()),
        "colour_entropy": float(-(shares * np.log2(shares)).sum()),
        "colours_per_kilopixel": float(np.log1p(1000 * shares.size / keys.size)),
        "vivid": _share(chroma > 150),
        "colourless": _share(chroma < 8),
    }


def _edges(x: Ints, rgb: NDArray[np.uint8]) -> dict[str, float]:
    """How edges look: one-pixel steps, along the axes, in long straight lines, with one colour on a side."""
    dx, dy = x[1:-1, 2:] - x[1:-1, :-2], x[2:, 1:-1] - x[:-2, 1:-1]
    ax, ay = np.abs(dx), np.abs(dy)
    strong = (ax + ay) > _STRONG // 2
    edges = int(np.count_nonzero(strong)) + 1
    # A step: the whole rise within one pixel pair, and nothing on either side of it.
    first = np.abs(x[:, 1:] - x[:, :-1])
    quiet = first <= 3
    step = (first[:, 1:-1] > 24) & quiet[:, :-2] & quiet[:, 2:]
    flat_x, flat_y = ax < (ay >> 3), ay < (ax >> 3)
    across, down = flat_x & (ay > 24), flat_y & (ax > 24)
    return {
        "edge_share": edges / strong.size,
        "step_share": float(np.count_nonzero(step)) / edges,
        "axis_share": float(np.count_nonzero(strong & (flat_x | flat_y))) / edges,
        "row_line": _longest_run(across),
        "column_line": _longest_run(np.ascontiguousarray(down.T)),
        "row_lines": _share(np.count_nonzero(across, axis=1) > 0.25 * across.shape[1]),
        "column_lines": _share(np.count_nonzero(down, axis=0) > 0.25 * down.shape[0]),
        **_strokes(x, rgb, dx),
    }


def _longest_run(mask: Bools) -> float:
    """The longest unbroken run of True along a row, as a share of the width: the 4th longest of all rows."""
    if len(mask) < 4:
        return 0.0
    # Only the fullest rows can hold the longest runs.
    full = np.count_nonzero(mask, axis=1)
    rows = mask[np.argpartition(full, -min(24, len(full)))[-24:]]
    positions = np.arange(1, mask.shape[1] + 1, dtype=np.int32)
    last_false = np.maximum.accumulate(np.where(rows, 0, positions), axis=1)
    runs = (positions - last_false).max(axis=1)
    return float(np.partition(runs, -4)[-4] / mask.shape[1])


def _strokes(x: Ints, rgb: NDArray[np.uint8], dx: Ints) -> dict[str, float]:
    """Lettering over a picture: beside high, steep edges lies one colour, the same all over the image."""
    steep = np.abs(dx) > 90
    steep[:, :1] = steep[:, -1:] = False
    row, column = np.nonzero(steep)
    if row.size < 40:
        return {"steep_share": row.size / steep.size, "bright_stroke": 0.0, "dark_stroke": 0.0, "stroke_level": 0.0}
    rises = dx[row, column] > 0
    bright = np.where(rises, column + 2, column)
    dark = np.where(rises, column, column + 2)
    shares = {}
    for name, side in (("bright_stroke", bright), ("dark_stroke", dark)):
        colour = rgb[row + 1, side].astype(np.int32) >> 4
        counts = np.bincount((colour[:, 0] << 8) | (colour[:, 1] << 4) | colour[:, 2])
        shares[name] = float(counts.max()) / row.size
    levels = np.bincount(x[row + 1, bright], minlength=256)
    # One exact level, without counting highlights that ran out of scale.
    return {"steep_share": row.size / steep.size, **shares, "stroke_level": float(levels[:250].max()) / row.size}


def _tiles(x: Ints) -> dict[str, float]:
    """16 px tiles: perfectly flat ones, ramps, and two-tone ones as lettering makes them; and how they line up."""
    rows, columns = x.shape[0] // _TILE, x.shape[1] // _TILE
    cut = x[: rows * _TILE, : columns * _TILE].reshape(rows, _TILE, columns, _TILE).swapaxes(1, 2)
    tiles = np.ascontiguousarray(cut).reshape(rows, columns, _PIXELS_OF_TILE)
    low, high = tiles.min(axis=2), tiles.max(axis=2)
    span = high - low
    flat = span <= 2
    third = np.maximum(span // 4, 1)[..., None]
    near_low = np.count_nonzero(tiles <= low[..., None] + third, axis=2)
    near_high = np.count_nonzero(tiles >= high[..., None] - third, axis=2)
    two_tone = (span > 60) & (near_low + near_high > 0.72 * _PIXELS_OF_TILE) & (np.minimum(near_low, near_high) > 12)
    # Lettering comes in lines: tiles whose left or right neighbour is two-tone as well.
    lined = np.zeros_like(two_tone)
    lined[:, 1:] |= two_tone[:, :-1]
    lined[:, :-1] |= two_tone[:, 1:]
    spans = np.sort(span.ravel())
    return {
        "flat_tiles": _share(flat),
        "near_flat_tiles": _share(span <= 5),
        "two_tone_tiles": _share(two_tone),
        "two_tone_lined": _share(two_tone & lined),
        "flat_rows": _share(flat.mean(axis=1) > 0.9),
        "flat_columns": _share(flat.mean(axis=0) > 0.9),
        "span_p10": float(spans[int(spans.size * 0.1)]),
        "span_p50": float(spans[int(spans.size * 0.5)]),
        "span_p90": float(spans[int(spans.size * 0.9)]),
    }


def _spectrum(x: Ints) -> dict[str, float]:
    """How detail is spread over scales: optics give smooth ratios from octave to octave, renderers do not."""
    level = x[: x.shape[0] // 8 * 8, : x.shape[1] // 8 * 8].astype(np.float32)
    energies = []
    for _ in range(4):
        dx, dy = level[1:, 1:] - level[1:, :-1], level[1:, 1:] - level[:-1, 1:]
        energies.append(float(np.vdot(dx, dx) + np.vdot(dy, dy)) / dx.size + 0.05)
        level = (level[::2, ::2] + level[1::2, ::2] + level[::2, 1::2] + level[1::2, 1::2]) * np.float32(0.25)
        level = level[: level.shape[0] // 2 * 2, : level.shape[1] // 2 * 2]
    logs = np.log(energies)
    return {
        "octave_1": float(logs[1] - logs[0]),
        "octave_2": float(logs[2] - logs[1]),
        "octave_3": float(logs[3] - logs[2]),
    }


def _border(x: Ints) -> dict[str, float]:
    """How flat the four sides are, along themselves, two pixels in."""
    sides = (x[2], x[-3], x[:, 2], x[:, -3])
    still = sorted(_share(np.abs(side[1:] - side[:-1]) <= 1) for side in sides)
    levels = np.concatenate(sides)
    counts = np.bincount(levels, minlength=256)
    return {"stillest_side": still[3], "liveliest_side": still[0], "border_one_tone": float(counts.max()) / levels.size}
