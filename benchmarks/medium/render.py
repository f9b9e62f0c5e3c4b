"""Make the training set of the medium engine: previews of generated non-photographs and of varied real photographs.

    python -m benchmarks.medium.render --data FOLDER_WITH_PHOTOS --out SOME_FOLDER --pages 60 --drawn 200 --variants 8

Writes preview JPEGs and ``index.jsonl`` (file, kind, style, groups) to ``--out``. The images are never committed; the
seed makes the set again, given the same photographs, fonts and browser. Needs Playwright and a Chromium
(``--chromium``).
"""

from __future__ import annotations

import argparse
import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from benchmarks.medium import drawn, pages, photographs, vectors

Rng = np.random.Generator
Made = tuple[str, str, tuple[str, ...], Image.Image]


def preview(rng: Rng, image: Image.Image) -> bytes:
    """The large preview of *image*: at most 2048 px, JPEG."""
    out = image.convert("RGB")
    out.thumbnail((2048, 2048), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    out.save(buffer, "JPEG", quality=int(rng.choice([82, 85, 88, 90])))
    return buffer.getvalue()


def saved(rng: Rng, image: Image.Image) -> Image.Image:
    """What reaches the intake: rescaled by a site, cropped, saved as JPEG once more, or as it was."""
    out = image.convert("RGB")
    if rng.random() < 0.25:
        side = min(out.size)
        x, y = int(rng.integers(out.width - side + 1)), int(rng.integers(out.height - side + 1))
        out = out.crop((x, y, x + side, y + side))
    if rng.random() < 0.7:
        scale = float(rng.uniform(400, 1400)) / max(out.size)
        out = out.resize((max(64, int(out.width * scale)), max(64, int(out.height * scale))), Image.Resampling.LANCZOS)
    return photographs.recoded(rng, out) if rng.random() < 0.4 else out


def _data_url(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def rendered(rng: Rng, named: list[tuple[str, Image.Image]], count: int, chromium: str) -> Iterator[Made]:
    urls = [_data_url(image) for _, image in named]
    makers = {**pages.MAKERS, **vectors.MAKERS}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page()
        for kind, maker in makers.items():
            for _ in range(count):
                page = maker(rng, urls)
                tab.set_viewport_size({"width": page.width, "height": page.height})
                tab.set_content(page.html)
                shot = Image.open(io.BytesIO(tab.screenshot()))
                yield kind, kind, tuple(named[i][0] for i in page.photos), shot
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--drawn", type=int, default=200)
    parser.add_argument("--variants", type=int, default=8)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(options.seed)
    named = list(photographs.sources(options.data))

    def everything() -> Iterator[Made]:
        for group, image in named:
            yield "photo", "as it is", (group,), image
            for _ in range(options.variants):
                yield "photo", "variant", (group,), photographs.variant(rng, image)
        images = [image for _, image in named]
        for _ in range(options.drawn):
            picture, index = drawn.draw(rng, images)
            yield "illustration", "drawn", (named[index][0],), saved(rng, picture)
        for kind, style, groups, picture in rendered(rng, named, options.pages, options.chromium):
            yield kind, style, groups, saved(rng, picture)

    with (options.out / "index.jsonl").open("w") as index_file:
        for number, (kind, style, groups, picture) in enumerate(everything()):
            name = f"{number:05d}.jpg"
            (options.out / name).write_bytes(preview(rng, picture))
            index_file.write(json.dumps({"file": name, "kind": kind, "style": style, "groups": groups}) + "\n")


if __name__ == "__main__":
    main()
