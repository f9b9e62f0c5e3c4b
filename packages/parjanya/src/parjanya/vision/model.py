"""The trained numbers of the classical engine: how they are stored, and how a sum of trees becomes a probability.

Callers: ``parjanya.vision.classical``, and the training program for evaluation. The numbers are in
``medium_model.json`` beside this module; docs/medium.md says how they were made and how well they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from parjanya.vision import features, trained
from tbie.core.fingerprint import fingerprint

Floats = NDArray[np.float64]

_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Trees:
    """Complete trees of three questions: ``figure`` and ``threshold`` (trees, 7) in level order, ``leaf`` (trees,
    8).
    """

    figure: NDArray[np.int64]
    threshold: Floats
    leaf: Floats

    def log_odds(self, figures: Floats) -> float:
        """The sum of the leaves that one image's *figures* fall into."""
        tree = np.arange(len(self.figure))
        node = np.zeros(len(self.figure), np.int64)
        for _ in range(_DEPTH):
            node = 2 * node + 1 + (figures[self.figure[tree, node]] > self.threshold[tree, node])
        return float(self.leaf[tree, node - (2**_DEPTH - 1)].sum())


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that was trained.

    ``names`` orders the figures. An image is a photograph if its probability reaches ``photo_from``, something else
    if it stays below ``other_below``, and unsure between. ``usual`` holds, per figure, the range of 96 % of
    photographs. Kinds of non-photographs are told apart by one additive curve per figure and kind (``knots``,
    ``curves``, ``offsets``).
    """

    names: tuple[str, ...]
    trees: Trees
    photo_from: float
    other_below: float
    usual: dict[str, tuple[float, float]]
    kinds: tuple[str, ...]
    kind_names: tuple[str, ...]
    knots: tuple[tuple[float, ...], ...]
    curves: Floats
    offsets: Floats
    version: str

    def kind_scores(self, figures: Floats) -> dict[str, float]:
        """How strongly each kind of non-photograph is suggested, as shares of one; *figures* in ``kind_names``
        order.
        """
        pieces: list[float] = []
        for value, cuts in zip(figures, self.knots, strict=True):
            for low, high in pairwise(cuts):
                pieces.append(min(1.0, max(0.0, (float(value) - low) / (high - low))))
        odds = self.curves @ np.array(pieces) + self.offsets
        shares = np.exp(odds - odds.max())
        shares /= shares.sum()
        return {kind: float(share) for kind, share in zip(self.kinds, shares, strict=True)}


def parse(document: dict[str, object]) -> Model:
    """A model from its JSON *document*.

    Raises:
        ValueError: it was trained on figures that mean something else than those measured now.
    """
    if document["feature_code"] != features.CODE_VERSION:
        raise ValueError(
            f"the model was trained on figures of code {document['feature_code']}, the code measures "
            f"{features.CODE_VERSION}: run benchmarks/medium/train.py"
        )
    read: dict = document  # type: ignore[type-arg]
    return Model(
        names=tuple(read["names"]),
        trees=Trees(
            figure=np.array([t[0] for t in read["trees"]], np.int64),
            threshold=np.array([t[1] for t in read["trees"]], np.float64),
            leaf=np.array([t[2] for t in read["trees"]], np.float64),
        ),
        photo_from=read["photo_from"],
        other_below=read["other_below"],
        usual={name: (low, high) for name, (low, high) in read["usual"].items()},
        kinds=tuple(read["kinds"]),
        kind_names=tuple(read["kind_names"]),
        knots=tuple(tuple(k) for k in read["knots"]),
        curves=np.array(read["curves"], np.float64),
        offsets=np.array(read["offsets"], np.float64),
        version=fingerprint(document),
    )


@lru_cache(maxsize=1)
def shipped() -> Model:
    """The model that comes with the package."""
    return parse(trained.document())
