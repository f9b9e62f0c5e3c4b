"""Logistic regression on piecewise-linear figures, with numpy alone: an additive model whose every curve can be read.

Callers: ``train``. Every figure is cut at its own quantiles into a few linear pieces ("hinges"); the weights of all
pieces are fitted together by Newton's method with an L2 penalty. One class against the rest, or many at once, by
one-vs-rest.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def knots_of(figures: Floats, pieces: int) -> list[Floats]:
    """Distinct quantiles of every column: where its curve may bend. A column that never varies gets one knot."""
    found = []
    for column in figures.T:
        knots = np.unique(np.quantile(column, np.linspace(0.02, 0.98, pieces + 1)).round(5))
        found.append(knots)
    return found


def spread(figures: Floats, knots: list[Floats]) -> Floats:
    """Each figure as the share of each of its pieces that lies below it: columns in 0..1, one per piece."""
    columns = []
    for values, cuts in zip(figures.T, knots, strict=True):
        for low, high in pairwise(cuts):
            columns.append(np.clip((values - low) / (high - low), 0, 1))
    return np.stack(columns, axis=1)


def logistic(x: Floats, y: Floats, weight: Floats, penalty: float, rounds: int = 12) -> tuple[Floats, float]:
    """(coefficients, intercept) of the penalised maximum likelihood; *y* is 0 or 1."""
    design = np.hstack([x, np.ones((len(x), 1))])
    ridge = np.full(design.shape[1], penalty)
    ridge[-1] = 1e-6
    beta = np.zeros(design.shape[1])
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (weight * (y - p)) - ridge * beta
        curvature = (design * (weight * p * (1 - p))[:, None]).T @ design + np.diag(ridge)
        beta = beta + np.linalg.solve(curvature, gradient)
    return beta[:-1], float(beta[-1])
