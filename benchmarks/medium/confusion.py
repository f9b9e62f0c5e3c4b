"""What the product says of labelled images: `parjanya curate` on real files, and its verdicts against the labels.

    ./run bench medium [--data FOLDER]

FOLDER holds ``files.csv`` (columns path and kind) and the files it names; default: PARJANYA_TEST_DATA. Kinds other than
``photo`` and those of non-photographs are left out. Nothing is measured here by itself: the verdicts are read from the
document that the product writes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

VERDICTS = ("keep", "review", "reject")
NOT_PHOTOGRAPHS = (
    "banner", "chart", "diagram", "illustration", "infographic", "logo", "mockup", "poster", "screenshot", "slide",
    "social_card",
)  # fmt: skip


class Judged(NamedTuple):
    """One labelled image and what the product made of it."""

    path: str
    kind: str
    medium: str
    verdict: str
    reasons: tuple[str, ...]

    @property
    def is_photo(self) -> bool:
        return self.kind == "photo"


def labels(data: Path) -> dict[str, str]:
    """The kind of every labelled file, by its path below *data*."""
    with (data / "files.csv").open(encoding="utf-8", newline="") as stream:
        return {r["path"]: r["kind"] for r in csv.DictReader(stream) if r["kind"] in ("photo", *NOT_PHOTOGRAPHS)}


def judged(data: Path, room: Path) -> list[Judged]:
    """Every labelled file below *data*, judged by the product with its home and reports in *room* (an empty folder)."""
    kinds = labels(data)
    folders = sorted({str(data / path.split("/")[0]) for path in kinds})
    command = [sys.executable, "-m", "parjanya.cli.main", "curate", *folders, "--json"]
    command += ["--home", str(room / "home"), "--out", str(room / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):  # 3: some file could not be read; it is missing below, and said so
        raise SystemExit(f"parjanya curate ended with {done.returncode}: {done.stderr[-2000:]}")
    document = json.loads((room / "out" / "images.json").read_text(encoding="utf-8"))
    found = {str(Path(image["path"]).relative_to(data)): image for image in document["images"]}
    return [
        Judged(
            path,
            kind,
            str(found[path]["medium"]),
            str(found[path]["verdict"]),
            tuple(reason["code"] for reason in found[path]["reasons"]),
        )
        for path, kind in sorted(kinds.items())
    ]


def table(images: Sequence[Judged], column: Callable[[Judged], str], columns: Iterable[str]) -> list[str]:
    """How often each kind met each column, as lines of Markdown."""
    names = list(columns)
    counts = Counter((image.kind, column(image)) for image in images)
    lines = [f"| labelled | images | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    for kind in ("photo", *NOT_PHOTOGRAPHS):
        total = sum(image.kind == kind for image in images)
        if total:
            cells = " | ".join(str(counts[kind, name] or "·") for name in names)
            lines.append(f"| {kind} | {total} | {cells} |")
    return lines


def summary(images: Sequence[Judged]) -> dict[str, float]:
    """The shares that the targets are about."""
    photos, others = [i for i in images if i.is_photo], [i for i in images if not i.is_photo]
    return {
        "photographs rejected": sum(i.verdict == "reject" for i in photos) / max(1, len(photos)),
        "photographs for review": sum(i.verdict == "review" for i in photos) / max(1, len(photos)),
        "others not kept": sum(i.verdict != "keep" for i in others) / max(1, len(others)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("PARJANYA_TEST_DATA", beside)))
    data: Path = parser.parse_args().data
    with tempfile.TemporaryDirectory() as room:
        images = judged(data, Path(room))
    media = sorted({image.medium for image in images} - {"photo", "unsure"})
    print("\n".join(table(images, lambda i: i.verdict, VERDICTS)), end="\n\n")
    print("\n".join(table(images, lambda i: i.medium, ("photo", "unsure", *media))), end="\n\n")
    for name, share in summary(images).items():
        print(f"{name}: {share:.1%}")
    for image in images:
        if image.is_photo == (image.verdict != "keep"):
            print(f"{image.path} ({image.kind}): {image.verdict}, {', '.join(image.reasons)}")


if __name__ == "__main__":
    main()
