"""Technical quality of one image, measured on its preview with numpy alone: sharpness, exposure, clipping, noise,
colour.

Caller: the stage ``quality``. These are *signals*, not a verdict and not taste: thresholds live in the policy, so that
changing one re-decides in microseconds and measures nothing again.

Sharpness is a re-blur ratio (the idea of Crete et al. 2007, "The blur effect", here on gradient *energy*): blur the
image once more and see how much gradient is lost. A sharp edge loses most of it, a soft one hardly any, whatever the
content: unlike the variance of a Laplacian the scale means the same for a cathedral and for a face. For energies the
measure falls strictly with any further Gaussian blur: blurring shifts the weight of the spectrum to low frequencies,
of which the second blur takes less. Noise would pass for detail, so its energy, read in the flattest cells of the
same image, is subtracted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parjanya.imaging.directions import evenness

# When any number below changes meaning, raise recipe.QUALITY: it is part of the stage's version.
_CELL_PX = 16  # the unit in which structure and flatness are told apart
_TILE_CELLS = 4  # 64 px: the region that can be "the sharp subject"
_FLAT_SHARE = 0.1  # the flattest tenth of the cells shows the noise
_MIN_STRUCTURE = 1.5  # squared levels: gradient energy of 8-bit rounding is about 0.3
_SIGNAL_TO_NOISE = 3.0  # a cell has structure if its re-blurred gradient stands this far above that of the noise
_SUBJECT_QUANTILE = 0.9
_MIN_SIDE_PX = 32
_BLACK, _WHITE = 3, 252  # at or beyond: no detail can be recovered
_DIM, _BRIGHT = 28, 227  # outside: noise is partly cut off by the ends of the scale
_FEW_CELLS = 8
_IMMERKAER = float(np.sqrt(np.pi / 2) / 6)

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]


class _Cells(NamedTuple):
    """Mean gradient energy per cell: of the image, and of the image blurred once more."""

    plain: NDArray[np.float64]
    reblurred: NDArray[np.float64]
    noise: NDArray[np.float64]
    level: NDArray[np.float64]


def measure(rgb: NDArray[np.uint8], grey: Grey) -> dict[str, object]:
    """Measure one image: *rgb* (height, width, 3) and its luma *grey* (height, width), both uint8.

    Returns the facts of the stage: ``sharpness`` and ``subject_sharpness`` 0..1 or None when the image holds no
    structure to measure it on (a blank frame is not "blurred"); ``sharpness_evenness`` 0..1, how alike sharpness is in
    all directions, None where that cannot be told; ``exposure`` {mean, median, p05, p95} 0..1;
    ``clipped_highlights`` and ``clipped_shadows`` as shares of the area; ``contrast`` as RMS 0..0.5; ``noise`` as
    sigma in 8-bit levels or None when nothing is flat enough or unclipped; ``colourfulness`` (Hasler and Süsstrunk
    2003: 0 grey, above 80 vivid); ``entropy_bits`` of the luma histogram, 0..8; ``measured_px`` the long side that
    was measured.
    """
    sharpness, subject, noise = _structure(grey)
    histogram = np.bincount(grey.ravel(), minlength=256).astype(np.float64) / grey.size
    levels = np.arange(256) / 255.0
    mean = float(histogram @ levels)
    cumulative = histogram.cumsum()
    p05, median, p95 = (float(levels[int(np.searchsorted(cumulative, q))]) for q in (0.05, 0.5, 0.95))
    seen = histogram[histogram > 0]
    return {
        "sharpness": _rounded(sharpness),
        "subject_sharpness": _rounded(subject),
        "sharpness_evenness": _rounded(evenness(grey)),
        "exposure": {"mean": round(mean, 4), "median": round(median, 4), "p05": round(p05, 4), "p95": round(p95, 4)},
        "clipped_highlights": round(float(histogram[_WHITE:].sum()), 4),
        "clipped_shadows": round(float(histogram[: _BLACK + 1].sum()), 4),
        "contrast": round(float(np.sqrt(histogram @ (levels - mean) ** 2)), 4),
        "noise": _rounded(noise, 2),
        "colourfulness": round(_colourfulness(rgb), 1),
        "entropy_bits": round(float(-(seen * np.log2(seen)).sum()) + 0.0, 3),
        "measured_px": max(grey.shape),
    }


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


def _structure(grey: Grey) -> tuple[float | None, float | None, float | None]:
    """(sharpness, subject sharpness, noise sigma), each None where the image gives no ground to say."""
    if min(grey.shape) < _MIN_SIDE_PX:
        return None, None, None
    cells = _cells(grey)
    # Near black and white half of the noise is cut off: such cells look quieter than the image is.
    usable = np.flatnonzero((cells.level > _DIM) & (cells.level < _BRIGHT))
    if usable.size < _FEW_CELLS:
        usable = np.flatnonzero((cells.level > _BLACK) & (cells.level < _WHITE))
    count = int(usable.size * _FLAT_SHARE)
    noise: float | None = None
    floor_plain = floor_reblurred = 0.0
    if usable.size >= _FEW_CELLS:
        flattest = usable[np.argsort(cells.reblurred.ravel()[usable], kind="stable")[: max(4, count)]]
        noise = float(cells.noise.ravel()[flattest].mean())
        floor_plain = float(cells.plain.ravel()[flattest].mean())
        floor_reblurred = float(cells.reblurred.ravel()[flattest].mean())
    structured = cells.reblurred > _MIN_STRUCTURE + _SIGNAL_TO_NOISE * floor_reblurred
    if not structured.any():
        return None, None, noise
    plain = np.where(structured, np.maximum(cells.plain - floor_plain, 0), 0)
    reblurred = np.where(structured, np.maximum(cells.reblurred - floor_reblurred, 0), 0)
    return _ratio(plain.sum(), reblurred.sum()), _subject(plain, reblurred), noise


def _cells(grey: Grey) -> _Cells:
    x = grey.astype(np.float32)
    blurred = _blur(_blur(x, 0), 1)
    margin = (x.shape[0] - blurred.shape[0]) // 2
    inner = x[margin : x.shape[0] - margin, margin : x.shape[1] - margin]
    # Immerkaer 1996: second difference in x and in y cancels planes and edges' linear part, what is left is noise.
    rows = x[margin - 1 : 1 - margin]  # one row and column more on each side than ``inner``
    second = rows[:-2] - 2 * rows[1:-1] + rows[2:]
    second = second[:, margin - 1 : second.shape[1] - margin + 1]
    response = np.abs(second[:, :-2] - 2 * second[:, 1:-1] + second[:, 2:])
    return _Cells(
        plain=_cell_means(_gradient_energy(inner)),
        reblurred=_cell_means(_gradient_energy(blurred)),
        noise=_cell_means(response[1:, 1:]) * _IMMERKAER,
        level=_cell_means(inner[1:, 1:]),
    )


def _blur(x: Floats, axis: int) -> Floats:
    """Binomial blur of 9 taps (sigma 1.41 px) along *axis*: eight sums of neighbours; no padding, 8 px shorter."""
    for _ in range(8):
        x = x[1:] + x[:-1] if axis == 0 else x[:, 1:] + x[:, :-1]
    return x * np.float32(1 / 256)


def _gradient_energy(x: Floats) -> Floats:
    dx = x[1:, 1:] - x[1:, :-1]
    dy = x[1:, 1:] - x[:-1, 1:]
    dx *= dx
    dy *= dy
    dx += dy
    return dx


def _cell_means(x: Floats) -> NDArray[np.float64]:
    rows, columns = x.shape[0] // _CELL_PX, x.shape[1] // _CELL_PX
    cut = x[: rows * _CELL_PX, : columns * _CELL_PX]
    tall = np.add.reduceat(cut, np.arange(0, columns * _CELL_PX, _CELL_PX), axis=1)
    cells = np.add.reduceat(tall, np.arange(0, rows * _CELL_PX, _CELL_PX), axis=0)
    return cells.astype(np.float64) / (_CELL_PX * _CELL_PX)


def _ratio(plain: float, reblurred: float) -> float:
    """0 where blurring again loses nothing, towards 1 where it loses everything."""
    if plain <= 0:
        return 0.0
    return float(np.clip(1 - np.sqrt(reblurred / plain), 0, 1))


def _subject(plain: NDArray[np.float64], reblurred: NDArray[np.float64]) -> float:
    """The sharpness of the sharpest regions: the 90th percentile over 64 px tiles that hold structure."""
    rows = np.arange(0, plain.shape[0], _TILE_CELLS)
    columns = np.arange(0, plain.shape[1], _TILE_CELLS)
    tiles = [np.add.reduceat(np.add.reduceat(m, rows, axis=0), columns, axis=1).ravel() for m in (plain, reblurred)]
    held = [_ratio(p, r) for p, r in zip(*tiles, strict=True) if r > 0]
    return float(np.quantile(held, _SUBJECT_QUANTILE))


def _colourfulness(rgb: NDArray[np.uint8]) -> float:
    step = 1 if rgb.size < 300_000 else 3  # every third pixel of a large image: the figure moves by less than 1 %
    sample = rgb[::step, ::step].astype(np.float32)
    red_green = sample[..., 0] - sample[..., 1]
    yellow_blue = (sample[..., 0] + sample[..., 1]) / 2 - sample[..., 2]
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))
