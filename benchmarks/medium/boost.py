"""Gradient-boosted trees of three questions each, with numpy alone: enough for two thousand images and forty figures.

Caller: ``train``. Friedman 2001 with Newton leaves, half-random rows and figures per tree (so that no single figure
carries the verdict), and thresholds at quantiles. Deterministic for a seed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DEPTH = 3
_NEVER = 1e30  # a threshold that nothing exceeds: the node asks nothing


class Tree(NamedTuple):
    """A complete binary tree: 7 questions "figure > threshold?" in level order, 8 answers from left (no) to right
    (yes).
    """

    figure: list[int]
    threshold: list[float]
    leaf: list[float]


class Settings(NamedTuple):
    trees: int = 220
    rate: float = 0.08
    penalty: float = 2.0
    least_weight: float = 3.0
    rows: float = 0.7
    figures: float = 0.6
    bins: int = 24
    seed: int = 1


def boost(x: Floats, y: Floats, weight: Floats, settings: Settings) -> list[Tree]:
    """Trees whose leaves sum to the log-odds of *y* = 1. *x* is (images, figures), *weight* one per image."""
    rng = np.random.default_rng(settings.seed)
    edges = [np.unique(np.quantile(c, np.linspace(0.03, 0.97, settings.bins)).round(6)) for c in x.T]
    binned = np.stack([np.searchsorted(e, c, side="left") for e, c in zip(edges, x.T, strict=True)], axis=1)
    score = np.zeros(len(y))
    grown = []
    for _ in range(settings.trees):
        p = 1 / (1 + np.exp(-score))
        gradient, curvature = weight * (y - p), weight * p * (1 - p) + 1e-6
        rows = rng.random(len(y)) < settings.rows
        figures: NDArray[np.bool_] = np.asarray(rng.random(x.shape[1]) < settings.figures)
        tree, node = _grow(binned, edges, gradient, curvature, rows, figures, settings)
        score += np.array(tree.leaf)[node]
        grown.append(tree)
    return grown


def _grow(
    binned: NDArray[np.int64],
    edges: list[Floats],
    gradient: Floats,
    curvature: Floats,
    rows: NDArray[np.bool_],
    figures: NDArray[np.bool_],
    settings: Settings,
) -> tuple[Tree, NDArray[np.int64]]:
    """One tree, and the leaf (0..7) that each image falls into."""
    node = np.zeros(len(binned), np.int64)
    figure, threshold = [0] * (2**DEPTH - 1), [_NEVER] * (2**DEPTH - 1)
    for parent in range(2**DEPTH - 1):
        here = node == parent
        split = _best_split(
            binned[here & rows], gradient[here & rows], curvature[here & rows], edges, figures, settings
        )
        beyond = np.zeros(len(binned), np.int64)
        if split is not None:
            figure[parent], cut = split
            threshold[parent] = float(edges[figure[parent]][cut])
            beyond = (binned[:, figure[parent]] > cut).astype(np.int64)
        node = np.where(here, 2 * node + 1 + beyond, node)
    node -= 2**DEPTH - 1
    leaf = []
    for k in range(2**DEPTH):
        mine = rows & (node == k)
        leaf.append(round(settings.rate * gradient[mine].sum() / (curvature[mine].sum() + settings.penalty), 5))
    return Tree(figure, threshold, leaf), node


def _best_split(
    binned: NDArray[np.int64],
    gradient: Floats,
    curvature: Floats,
    edges: list[Floats],
    figures: NDArray[np.bool_],
    settings: Settings,
) -> tuple[int, int] | None:
    if len(binned) < 10:
        return None
    count, bins = binned.shape[1], max(len(e) for e in edges) + 1
    slots = (binned + np.arange(count) * bins).ravel()
    g = np.bincount(slots, np.repeat(gradient, count), count * bins).reshape(count, bins).cumsum(axis=1)
    h = np.bincount(slots, np.repeat(curvature, count), count * bins).reshape(count, bins).cumsum(axis=1)
    g_all, h_all = g[0, -1], h[0, -1]
    gain = g**2 / (h + settings.penalty) + (g_all - g) ** 2 / (h_all - h + settings.penalty)
    gain -= g_all**2 / (h_all + settings.penalty)
    gain[(h < settings.least_weight) | (h_all - h < settings.least_weight)] = 0
    gain[~figures] = 0
    best = int(np.argmax(gain))
    return divmod(best, bins) if gain.flat[best] > 1e-3 else None
