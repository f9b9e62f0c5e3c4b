"""Train the medium engine and say how well it does on images it has not seen.

    python -m benchmarks.medium.train --set SOME_FOLDER [--write]

Prints the cross-validated confusion. No source photograph is ever on both sides of a fold: not as itself, not as a
variant and not as the content of a poster or a screenshot. ``--write`` fits on everything and writes the numbers into
the package.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.medium import fit
from benchmarks.medium.boost import Settings, Tree, boost
from benchmarks.medium.measure import Table, load
from parjanya.vision import features
from parjanya.vision.model import Trees

Floats = NDArray[np.float64]

FOLDS = 6
OTHER_QUANTILE = 0.003  # of photographs that may be called something else, in cross-validation
PHOTO_QUANTILE = 0.030  # of photographs that may end as unsure or worse
TARGET = Path(__file__).parents[2] / "packages/parjanya/src/parjanya/vision/medium_model.json"


def as_trees(grown: list[Tree]) -> Trees:
    return Trees(
        np.array([t.figure for t in grown]), np.array([t.threshold for t in grown]), np.array([t.leaf for t in grown])
    )


def balanced(y: Floats) -> Floats:
    """Weights that make both classes count the same."""
    weights: Floats = np.where(y == 1, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    return weights


def probabilities(trees: Trees, figures: Floats) -> Floats:
    return np.array([1 / (1 + np.exp(-trees.log_odds(row))) for row in figures])


def folds_of(table: Table) -> tuple[NDArray[np.int64], list[set[int]]]:
    """(the fold that each image is tested in, all folds it must not be trained in)."""
    rng = np.random.default_rng(0)
    groups = sorted({g for row in table.groups for g in row})
    fold_of = {group: int(k) % FOLDS for group, k in zip(groups, rng.permutation(len(groups)), strict=True)}
    touched = [{fold_of[g] for g in row} or {int(rng.integers(FOLDS))} for row in table.groups]
    tested = np.array([fold_of[row[0]] if row else min(own) for row, own in zip(table.groups, touched, strict=True)])
    return tested, touched


def cross_validated(table: Table, x: Floats, kind_x: Floats) -> tuple[Floats, NDArray[np.str_]]:
    """(probability of being a photograph, likeliest kind of the others), each image judged by a model that never saw
    it.
    """
    y = (table.kinds == "photo").astype(float)
    tested, touched = folds_of(table)
    p, kinds = np.zeros(len(y)), np.empty(len(y), "<U16")
    for k in range(FOLDS):
        test, train = tested == k, np.array([k not in own for own in touched])
        p[test] = probabilities(as_trees(boost(x[train], y[train], balanced(y[train]), Settings())), x[test])
        others = train & (y == 0)
        names, knots, curves, offsets = fit_kinds(kind_x[others], table.kinds[others])
        scores = fit.spread(kind_x[test], knots) @ curves.T + offsets
        kinds[test] = np.array(names)[scores.argmax(axis=1)]
    return p, kinds


def fit_kinds(x: Floats, kinds: NDArray[np.str_]) -> tuple[list[str], list[Floats], Floats, Floats]:
    names, knots = sorted(set(kinds.tolist())), fit.knots_of(x, 3)
    pieces = fit.spread(x, knots)
    fitted = [
        fit.logistic(pieces, (kinds == n).astype(float), balanced((kinds == n).astype(float)), 3.0) for n in names
    ]
    return names, knots, np.array([c for c, _ in fitted]), np.array([o for _, o in fitted])


def report(table: Table, p: Floats, kinds: NDArray[np.str_], photo_from: float, other_below: float) -> None:
    print(f"called a photograph from {photo_from:.3f}, something else below {other_below:.3f}\n")
    print(
        "| made as | images | photo | unsure | something else | of these, the right kind |\n|---|---|---|---|---|---|"
    )
    styles = ["as it is", "variant", *sorted(set(table.styles.tolist()) - {"as it is", "variant"})]
    for style in [*styles, "all photographs", "all others"]:
        mine = {"all photographs": table.kinds == "photo", "all others": table.kinds != "photo"}.get(
            style, table.styles == style
        )
        photo, other = (p[mine] >= photo_from).mean(), (p[mine] < other_below).mean()
        confident = mine & (p < other_below) & (table.kinds != "photo")
        right = f"{(kinds[confident] == table.kinds[confident]).mean():.0%}" if confident.any() else "-"
        print(f"| {style} | {mine.sum()} | {photo:.1%} | {1 - photo - other:.1%} | {other:.1%} | {right} |")


def write(
    table: Table, x: Floats, kind_names: list[str], kind_x: Floats, photo_from: float, other_below: float
) -> None:
    y = (table.kinds == "photo").astype(float)
    grown = boost(x, y, balanced(y), Settings())
    names, knots, curves, offsets = fit_kinds(kind_x[y == 0], table.kinds[y == 0])
    low, high = np.quantile(x[y == 1], [0.02, 0.98], axis=0).round(4)
    document = {
        "made_by": "benchmarks/medium (render, measure, train --write); see docs/medium.md",
        "feature_code": features.CODE_VERSION,
        "names": table.names,
        "photo_from": round(photo_from, 4),
        "other_below": round(other_below, 4),
        "usual": {n: [float(a), float(b)] for n, a, b in zip(table.names, low, high, strict=True)},
        "kinds": names,
        "kind_names": kind_names,
        "knots": [k.tolist() for k in knots],
        "curves": curves.round(4).tolist(),
        "offsets": offsets.round(4).tolist(),
        "trees": [[t.figure, t.threshold, t.leaf] for t in grown],
    }
    lines = json.dumps(document, separators=(",", ":")).replace('"trees":[[[', '"trees":[\n[[')
    TARGET.write_text(lines.replace("]],[[", "]],\n[[").replace(',"', ',\n"') + "\n")
    print(f"\nwrote {TARGET.name}: {len(grown)} trees, {TARGET.stat().st_size / 1000:.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    table = load(options.set)
    aspects = []
    for name in table.files:
        with Image.open(options.set / name) as image:
            aspects.append(image.width / image.height)
    x = table.figures.round(6)
    kind_names, kind_x = [*table.names, "aspect"], np.hstack([x, np.array(aspects)[:, None]])
    p, kinds = cross_validated(table, x, kind_x)
    photos = p[table.kinds == "photo"]
    other_below, photo_from = (float(np.quantile(photos, q)) for q in (OTHER_QUANTILE, PHOTO_QUANTILE))
    report(table, p, kinds, photo_from, other_below)
    if options.write:
        write(table, x, kind_names, kind_x, photo_from, other_below)


if __name__ == "__main__":
    main()
