"""How fast ten thousand images are; the figures in docs/contact-sheet.md come from here (run it with ``-s``).

The limits are generous on purpose: a slow shared machine must pass, a page that draws every image must not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES = 10_000
READY_LIMIT_MS = 3_000
JUMP_LIMIT_MS = 500

JUMPS = """async () => {
  const frame = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const times = []; let nodes = 0;
  for (let i = 0; i < 40; i++) {
    const from = performance.now();
    scrollTo(0, document.body.scrollHeight * ((i * 17) % 40) / 40);
    await frame();
    times.push(performance.now() - from);
    nodes = Math.max(nodes, document.querySelectorAll('*').length);
  }
  const filter = performance.now();
  location.hash = 'v=reject&s=sharpest';
  await frame();
  return { worst: Math.max(...times), mean: times.reduce((a, b) => a + b) / times.length, nodes,
    filter: performance.now() - filter, heap: performance.memory ? performance.memory.usedJSHeapSize / 1e6 : 0 };
}"""


def test_ten_thousand_images_open_and_scroll_without_freezing(
    page: Page, sheet: Callable[[int], str], record_property: Callable[[str, object], None]
) -> None:
    page.goto(sheet(IMAGES))
    page.wait_for_selector(".cell.active")
    ready_ms = page.evaluate("performance.getEntriesByName('parjanya-ready')[0].startTime")
    jumps = page.evaluate(JUMPS)
    figures = {"ready_ms": round(ready_ms), **{name: round(value, 1) for name, value in jumps.items()}}
    for name, value in figures.items():
        record_property(name, value)
    print(figures)  # noqa: T201 - this is the measurement
    assert 0 < ready_ms < READY_LIMIT_MS
    assert 0 < jumps["mean"] < JUMP_LIMIT_MS, (
        "a page that draws every image is slow at each jump, a busy machine at one"
    )
    assert jumps["nodes"] <= 1000
