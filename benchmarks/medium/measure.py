"""Measure the figures of every image of a rendered set, once: the table that training and evaluation read.

    python -m benchmarks.medium.measure --set SOME_FOLDER

Writes ``features.npz`` beside ``index.jsonl``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parjanya.vision.features import describe
from parjanya.vision.sight import look


class Table(NamedTuple):
    """Figures (images x names) with what is known of each image. Images that share a group share a source
    photograph.
    """

    names: list[str]
    figures: NDArray[np.float64]
    kinds: NDArray[np.str_]
    styles: NDArray[np.str_]
    groups: list[list[str]]
    files: list[str]


def load(folder: Path) -> Table:
    """The table of a measured set."""
    rows = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    with np.load(folder / "features.npz") as stored:
        names, figures = [str(n) for n in stored["names"]], stored["figures"]
    return Table(
        names,
        figures,
        np.array([r["kind"] for r in rows]),
        np.array([r["style"] for r in rows]),
        [list(r["groups"]) for r in rows],
        [r["file"] for r in rows],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", type=Path, required=True)
    folder: Path = parser.parse_args().set
    described = []
    for line in (folder / "index.jsonl").read_text().splitlines():
        sight = look((folder / json.loads(line)["file"]).read_bytes())
        described.append(describe(sight.rgb, sight.grey))
    names = list(described[0])
    np.savez(folder / "features.npz", names=names, figures=np.array([[d[n] for n in names] for d in described]))
    print(f"{len(described)} images, {len(names)} figures")


if __name__ == "__main__":
    main()
