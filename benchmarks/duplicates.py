"""Which copies of photographs are found: real photographs, copied in every way people copy them, among all the others.

    ./run bench duplicates [--data FOLDER]

For each way, every photograph and its copy are candidates of one tenant; ``group_images`` must put each copy with its
original and with nothing else. *Found*: copies in the group of their original. *Right*: of all pairs that share a group, those
that are a photograph and its copy. FOLDER: as for ``benchmarks/medium`` (PARJANYA_TEST_DATA).
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from parjanya.imaging.hashes import phash
from parjanya.vision.candidate import Candidate
from parjanya.vision.grouping import group_images

sys.path[0] = str(Path(__file__).resolve().parents[1])  # so that this folder is ``benchmarks`` however it is started
from benchmarks.medium.photographs import sources  # noqa: E402

Change = Callable[[Image.Image], Image.Image]


def scaled(share: float) -> Change:
    return lambda i: i.resize(
        (max(1, round(i.width * share)), max(1, round(i.height * share))), Image.Resampling.LANCZOS
    )


def cropped(share: float) -> Change:
    """*share* off every side."""
    return lambda i: i.crop(
        (round(i.width * share), round(i.height * share), round(i.width * (1 - share)), round(i.height * (1 - share)))
    )


def saved(quality: int) -> Change:
    def change(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer).convert("RGB")

    return change


def dated(image: Image.Image) -> Image.Image:
    out = image.copy()
    place = (image.width * 0.72, image.height * 0.92)
    ImageDraw.Draw(out).text(place, "2026-11-26", fill=(255, 150, 30), font_size=image.height / 26)
    return out


def exported(image: Image.Image) -> Image.Image:
    """As a site does it: smaller, a little cropped, brighter, saved again."""
    return saved(70)(ImageEnhance.Brightness(scaled(0.4)(cropped(0.01)(image))).enhance(1.1))


CHANGES: Mapping[str, Change] = {
    "half size": scaled(0.5),
    "a sixth of the size": scaled(1 / 6),
    "JPEG quality 60": saved(60),
    "JPEG quality 20": saved(20),
    "15 % brighter": lambda i: ImageEnhance.Brightness(i).enhance(1.15),
    "30 % darker": lambda i: ImageEnhance.Brightness(i).enhance(0.7),
    "more contrast (1.3)": lambda i: ImageEnhance.Contrast(i).enhance(1.3),
    "grey": lambda i: ImageOps.grayscale(i).convert("RGB"),
    "blurred, σ 2 px": lambda i: i.filter(ImageFilter.GaussianBlur(2)),
    "dated in a corner": dated,
    "rotated by 90°": lambda i: i.transpose(Image.Transpose.ROTATE_90),
    "rotated by 180°": lambda i: i.transpose(Image.Transpose.ROTATE_180),
    "rotated by 270°": lambda i: i.transpose(Image.Transpose.ROTATE_270),
    "mirrored": ImageOps.mirror,
    "mirrored and rotated by 90°": lambda i: ImageOps.mirror(i).transpose(Image.Transpose.ROTATE_90),
    "exported (40 %, cropped 1 %, brighter, JPEG 70)": exported,
    "exported, rotated by 90°": lambda i: exported(i).transpose(Image.Transpose.ROTATE_90),
    "cropped by 1 % on each side": cropped(0.01),
    "cropped by 2 % on each side": cropped(0.02),
    "cropped by 3 % on each side": cropped(0.03),
    "cropped by 5 % on each side": cropped(0.05),
    "turned by 1°": lambda i: i.rotate(1, Image.Resampling.BICUBIC, expand=False),
    "turned by 2°": lambda i: i.rotate(2, Image.Resampling.BICUBIC, expand=False),
}


def measured(originals: Mapping[str, str], copies: Mapping[str, str]) -> tuple[int, int, int]:
    """(copies found, pairs that share a group, of these a photograph with its copy); hashes by photograph."""
    both = {**{f"{name}/o": h for name, h in originals.items()}, **{f"{name}/c": h for name, h in copies.items()}}
    facts = group_images([Candidate(item, item, item, phash=h) for item, h in both.items()])
    found = sum(
        facts[f"{n}/o"]["group"] is not None and facts[f"{n}/o"]["group"] == facts[f"{n}/c"]["group"] for n in copies
    )
    members: dict[object, int] = {}
    for fact in facts.values():
        members[fact["group"]] = members.get(fact["group"], 0) + 1
    pairs = sum(count * (count - 1) // 2 for group, count in members.items() if group is not None)
    return found, pairs, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("PARJANYA_TEST_DATA", beside)))
    named: dict[str, Image.Image] = {}
    for group, image in sources(parser.parse_args().data):
        named.setdefault(group, image)
    originals = {name: phash(image) for name, image in named.items()}
    print(f"{len(named)} photographs\n\n| copy | found | right |\n|---|---|---|")
    for label, change in CHANGES.items():
        found, pairs, right = measured(originals, {name: phash(change(image)) for name, image in named.items()})
        print(f"| {label} | {found / len(named):.1%} | {right / pairs if pairs else 1:.1%} |", flush=True)


if __name__ == "__main__":
    main()
