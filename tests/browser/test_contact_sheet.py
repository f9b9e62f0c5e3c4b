"""The contact sheet as somebody with a browser and no network sees it, opened from file:."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from parjanya.export.record import Failure, ImageRecord, Reason

if TYPE_CHECKING:
    from playwright.sync_api import Page

MAX_NODES = 1000
HOSTILE = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>"\'&amp;\u202e.jpg'

Sheet = Callable[..., str]


def visible(page: Page) -> list[str]:
    names: list[str] = page.eval_on_selector_all(
        ".cell",
        "cells => cells.sort((a, b) => a.dataset.at - b.dataset.at).map(c => c.querySelector('.name').textContent)",
    )
    return names


def test_ten_thousand_images_never_hold_more_than_a_thousand_nodes(page: Page, sheet: Sheet) -> None:
    page.goto(sheet(10_000))
    page.wait_for_selector(".cell")
    most = 0
    for share in (0, 0.13, 0.5, 0.77, 1):
        page.evaluate("share => scrollTo(0, document.body.scrollHeight * share)", share)
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        most = max(most, page.evaluate("document.querySelectorAll('*').length"))
        assert page.locator(".cell").count() > 10
    assert 50 < most <= MAX_NODES


def test_the_smallest_thumbnails_on_a_large_screen_stay_within_a_thousand_nodes(page: Page, sheet: Sheet) -> None:
    page.set_viewport_size({"width": 3840, "height": 2160})
    page.goto(sheet(10_000) + "#z=s&i=img-0")
    page.wait_for_selector("#detail h2")
    assert page.evaluate("document.querySelectorAll('*').length") <= MAX_NODES


def test_a_file_name_that_is_markup_is_shown_and_never_run(page: Page, sheet: Sheet) -> None:
    evil = ImageRecord(
        id=HOSTILE,
        tenant=HOSTILE,
        path=f"shoot/{HOSTILE}",
        source=Path("/photos/evil.jpg"),
        status="failed",
        failure=Failure(HOSTILE, HOSTILE, HOSTILE, retriable=False),
        medium=HOSTILE,
        camera=HOSTILE,
        policy_version=HOSTILE,
        reasons=(Reason(HOSTILE, HOSTILE, {HOSTILE: HOSTILE, "list": [HOSTILE]}),),
        group={"group": HOSTILE, "kind": HOSTILE, "differences": [{"text": HOSTILE}]},
    )
    page.goto(sheet(3, evil, replace(evil, id="evil-2")) + "#v=failed")
    page.locator(".cell").first.click()
    page.wait_for_selector("#detail h2")
    assert page.text_content("#detail h2") == HOSTILE.rpartition("/")[2].replace("\u202e", "\\u202e")
    assert HOSTILE in (page.text_content("#detail .failure") or "")
    page.keyboard.press("c")
    page.wait_for_selector("#compare .column")
    assert page.evaluate("window.pwned") is None
    assert page.locator("script:not([src])").count() == 0
    assert page.locator("img[onerror], img[src='x']").count() == 0


def test_a_verdict_tab_filters_and_its_count_is_what_is_shown(page: Page, sheet: Sheet) -> None:
    page.goto(sheet(40))
    page.click(".tab.reject")
    assert "v=reject" in page.url
    assert page.inner_text(".tab.reject b") == str(len(visible(page))) == "8"
    page.go_back()
    assert page.inner_text("#count") == "40 images"


def test_filters_are_read_from_the_address(page: Page, sheet: Sheet) -> None:
    page.goto(sheet(40) + "#v=failed&q=00019")
    assert visible(page) == ["IMG_00019.jpg"]
    assert page.input_value("#q") == "00019"
    page.click("#clear")
    assert page.inner_text("#count") == "40 images"


def test_reasons_media_groups_and_order_each_narrow_or_sort(page: Page, sheet: Sheet) -> None:
    page.goto(sheet(60))
    page.select_option("select[data-key=r]", "blur.severe")
    assert all(int(name[4:9]) % 5 == 0 for name in visible(page))
    page.select_option("select[data-key=r]", "")
    page.select_option("select[data-key=m]", "screenshot")
    assert visible(page) == ["IMG_00001.jpg", "IMG_00051.jpg"]
    page.select_option("select[data-key=m]", "")
    page.select_option("select[data-key=g]", "none")
    assert "IMG_00000.jpg" not in visible(page)
    page.select_option("select[data-key=s]", "sharpest")
    assert visible(page)[0] == "IMG_00055.jpg"


def test_a_burst_stands_together_with_its_best_first_whatever_the_order(page: Page, sheet: Sheet) -> None:
    page.goto(sheet(24) + "#s=sharpest")
    names = visible(page)
    at = names.index("IMG_00016.jpg")
    assert names[at : at + 3] == ["IMG_00016.jpg", "IMG_00017.jpg", "IMG_00018.jpg"]
    assert "Best of 3" in page.locator(".cell.best .group").first.inner_text()


def test_the_keyboard_alone_opens_browses_compares_and_closes(page: Page, sheet: Sheet) -> None:
    page.goto(sheet(40))
    page.wait_for_selector(".cell.active")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#detail h2")
    assert page.inner_text("#detail h2") == "IMG_00001.jpg"
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('#detail h2').textContent === 'IMG_00002.jpg'")
    page.keyboard.press("c")
    page.wait_for_selector("#compare .column >> nth=3")
    page.keyboard.press("Escape")
    page.wait_for_selector("#compare", state="hidden")
    assert page.is_visible("#detail")
    page.keyboard.press("Escape")
    assert page.is_hidden("#detail")
    assert page.evaluate("document.activeElement.id") == "grid"
    assert page.get_attribute("#grid", "aria-activedescendant") == "cell-2"


def test_end_reaches_the_last_of_ten_thousand(page: Page, sheet: Sheet) -> None:
    page.goto(sheet(10_000))
    page.keyboard.press("End")
    page.wait_for_selector(".cell.active >> text=IMG_09999.jpg")


def test_the_overlay_lists_exactly_the_keys_that_work(page: Page, sheet: Sheet) -> None:
    page.goto(sheet(5))
    page.wait_for_selector(".cell")
    page.keyboard.press("?")
    shown = page.locator("#help kbd").all_inner_texts()
    table = page.evaluate("[...ParjanyaSheet.keys.TABLE, ...ParjanyaSheet.keys.COMPARING].map(entry => entry.shown)")
    assert shown == table
    assert len(shown) > 10
    page.keyboard.press("?")
    assert page.is_hidden("#help")


def test_the_details_hold_reasons_evidence_and_the_cause_of_a_failure(page: Page, sheet: Sheet) -> None:
    page.goto(sheet(20) + "#i=img-5")
    page.wait_for_selector("#detail .reasons")
    text = page.inner_text("#detail")
    assert "Nothing is sharp." in text
    assert "blur.severe" in text
    assert "0.08" in text
    page.evaluate("location.hash = 'i=img-9'")
    page.wait_for_selector("#detail .failure")
    assert "The file ends in the middle." in page.inner_text("#detail .failure")


def test_a_telephone_of_360_pixels_needs_no_sideways_scrolling(page: Page, sheet: Sheet) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(sheet(40))
    page.wait_for_selector(".cell")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator(".cell").nth(1).click()
    page.wait_for_selector("#close")
    assert page.evaluate("document.getElementById('detail').scrollWidth") <= 360
    assert page.locator("#detail").bounding_box()["width"] == 360  # type: ignore[index]


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_text_stands_out_from_its_ground(page: Page, sheet: Sheet, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(sheet(40))
    ratios = page.evaluate(CONTRAST)
    assert len(ratios) >= 8
    assert {name: round(ratio, 2) for name, ratio in ratios.items() if ratio < 4.5} == {}


CONTRAST = """() => {
  const curve = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * curve(r / 255) + 0.7152 * curve(g / 255) + 0.0722 * curve(b / 255);
  const probe = document.createElement('i');
  document.body.append(probe);
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return light(getComputedStyle(probe).color.match(/[\\d.]+/g).map(Number));
  };
  const result = {};
  for (const ground of ['--ground', '--raised'])
    for (const ink of ['--text', '--soft', '--accent', '--keep', '--review', '--reject', '--failed']) {
      const [a, b] = [colour(ground), colour(ink)].sort((x, y) => y - x);
      result[`${ink} on ${ground}`] = (a + 0.05) / (b + 0.05);
    }
  return result;
}"""
