"""A real browser for the tests of this folder: Chromium from ``PARJANYA_CHROMIUM`` or from PATH, never downloaded.

The sheets hold made-up records and small coloured thumbnails.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from parjanya.export.record import Failure, ImageRecord, Reason
from parjanya.export.sheet import SheetMeta, write_sheet

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

GROUP_SIZE = 4
COLOURS = 24
Sheet = Callable[..., str]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    named = os.environ.get("PARJANYA_CHROMIUM")
    executable = named or next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)
    if executable is None:
        pytest.skip("no Chromium: put one on PATH or name it in PARJANYA_CHROMIUM")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of 1440 × 900 that fails its test on any script error, console error or request beyond ``file:``."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", offline=True)
    page = context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(f"script error: {error}"))
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("request", lambda request: trouble.append(request.url) if not request.url.startswith("file:") else None)
    yield page
    context.close()
    assert trouble == []


@pytest.fixture(scope="session")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Sheet:
    """Writes a sheet of so many made-up images, then of *extra*, and returns its address. The same sheet is written once."""
    folder = tmp_path_factory.mktemp("sheets")
    thumbs = thumbnails(folder / "thumbs")
    written: dict[tuple[int, tuple[str, ...]], str] = {}

    def make(count: int, *extra: ImageRecord) -> str:
        asked = (count, tuple(repr(image) for image in extra))
        if asked not in written:
            images = [*records(count, thumbs), *extra]
            out = folder / str(len(written))
            written[asked] = write_sheet(images, out, SheetMeta("A shoot", 1_795_000_000_000, "classical")).as_uri()
        return written[asked]

    return make


def thumbnails(folder: Path) -> list[Path]:
    """A few JPEG files that differ in colour."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number in range(COLOURS):
        target = folder / f"{number}.jpg"
        shade = (number * 10, 90, 255 - number * 10)
        Image.new("RGB", (320, 213), shade).save(target, quality=70)
        files.append(target)
    return files


def records(count: int, thumbs: list[Path]) -> Iterator[ImageRecord]:
    """*count* images: every tenth failed, every fifth a reject, each eight hold a burst of four."""
    for number in range(count):
        failed = number % 10 == 9
        verdict = None if failed else "reject" if number % 5 == 0 else "review" if number % 7 == 0 else "keep"
        burst = number // 8 if number % 8 < GROUP_SIZE and not failed else None
        yield ImageRecord(
            id=f"img-{number}",
            tenant="studio",
            path=f"shoot/day {number // 1000}/IMG_{number:05d}.jpg",
            source=Path("/photos/shoot") / f"IMG_{number:05d}.jpg",
            status="failed" if failed else "completed",
            failure=Failure("technical", "truncated", "The file ends in the middle.", retriable=False)
            if failed
            else None,
            verdict=verdict,
            reasons=(Reason("blur.severe", "Nothing is sharp.", {"sharpness": 0.08, "limit": 0.2}),)
            if verdict == "reject"
            else (),
            medium=None if failed else "screenshot" if number % 50 == 1 else "photo",
            scores={} if failed else {"sharpness": number % 100 / 100, "noise": 2.5},
            group=_group(number, burst),
            policy_version="photo@1",
            width=3000,
            height=2000,
            taken=f"2026-06-{1 + number // 1000 % 28:02d}T{number // 60 % 24:02d}:{number % 60:02d}:00",
            camera="Sketchbook 24",
            thumb=None if failed else thumbs[number % len(thumbs)],
        )


def _group(number: int, burst: int | None) -> dict[str, object] | None:
    if burst is None:
        return None
    rank = number % 8 + 1
    return {"group": f"burst-{burst}", "kind": "burst", "size": GROUP_SIZE, "rank": rank, "best": rank == 1}
