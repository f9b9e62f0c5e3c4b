"""Scenes: which images keep company, and where each stands in it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parjanya.vision.candidate import Candidate
from parjanya.vision.grouping import group_images

sys.path.insert(0, str(Path(__file__).parent))
from judge_candidates import frame, image, near, some_hash

MINUTE = 60_000


def series(*times_ms: int, **known: Any) -> list[Candidate]:
    """Frames of one camera, no two alike."""
    return [frame(f"i{k:03}", at_ms, some_hash(1000 + k), **known) for k, at_ms in enumerate(times_ms)]


def scenes_of(images: list[Candidate]) -> list[object]:
    facts = group_images(images)
    return [facts[c.item]["scene"] for c in images]


def test_a_pause_much_longer_than_those_around_it_begins_a_new_scene() -> None:
    first, second = [k * 10_000 for k in range(6)], [20 * MINUTE + k * 10_000 for k in range(6)]
    assert scenes_of(series(*first, *second)) == ["scene:i000"] * 6 + ["scene:i006"] * 6


def test_a_slow_photographer_with_the_same_pause_each_time_makes_one_scene() -> None:
    assert set(scenes_of(series(*(k * 20 * MINUTE for k in range(8))))) == {"scene:i000"}


def test_bursts_do_not_make_a_short_pause_long() -> None:
    bursts = [start + k * 100 for start in (0, 50_000, 100_000) for k in range(10)]
    assert set(scenes_of(series(*bursts))) == {"scene:i000"}


def test_after_more_than_an_hour_it_is_another_scene_however_slow_the_photographer() -> None:
    assert scenes_of(series(0, 61 * MINUTE, 122 * MINUTE)) == [None, None, None]


def test_another_camera_has_its_own_scenes_unless_both_took_the_same_picture() -> None:
    ours = series(0, 1_000, 2_000)
    theirs = [replace(c, item=f"x{c.item}", camera=("Other", "One", ""), phash=some_hash(50 + k), sha256=f"x{k}")
              for k, c in enumerate(ours)]  # fmt: skip
    assert set(scenes_of([*ours, *theirs])) == {"scene:i000", "scene:xi000"}
    shared = [*theirs[:2], replace(theirs[2], phash=ours[0].phash)]
    assert set(scenes_of([*ours, *shared])) == {"scene:i000"}


def test_an_export_without_metadata_is_in_the_scene_of_its_original() -> None:
    ours = series(0, 1_000, 2_000)
    export = image("web", phash=near(ours[1].phash or "", 8))
    facts = group_images([*ours, export])
    assert (facts["web"]["scene"], facts["web"]["scene_size"]) == ("scene:i000", 4)


def test_an_image_of_which_neither_camera_nor_time_is_known_has_an_unknown_scene_not_one_of_its_own() -> None:
    facts = group_images([image("a", phash=some_hash(1)), frame("b", 0, some_hash(2))])
    assert (facts["a"]["scene_size"], facts["a"]["scene_rank"]) == (None, None)
    assert (facts["b"]["scene_size"], facts["b"]["scene_rank"], facts["b"]["scene"]) == (1, 1, None)


def test_an_exact_copy_shares_the_place_of_its_original_and_is_not_counted_twice() -> None:
    ours = series(0, 1_000, 2_000)
    facts = group_images([*ours, replace(ours[0], item="z", path="/shoot/longer name.jpg")])
    keys = ("scene", "scene_size", "scene_rank", "in_scene")
    assert [facts["z"][k] for k in keys] == [facts["i000"][k] for k in keys]
    assert facts["z"]["scene_size"] == 3


def test_the_softest_of_its_scene_is_last_and_those_that_look_alike_share_the_middle() -> None:
    sharpness = (0.60, 0.605, 0.61, 0.2)
    ours = [replace(c, sharpness=s) for c, s in zip(series(0, 1_000, 2_000, 3_000), sharpness, strict=True)]
    facts = group_images(ours)
    places = [facts[c.item]["in_scene"]["sharpness"]["place"] for c in ours]  # type: ignore[index]
    assert places == [pytest.approx(2 / 3, abs=0.001)] * 3 + [0.0]
    assert facts["i003"]["scene_rank"] == 4
    assert facts["i000"]["in_scene"]["sharpness"]["median"] == pytest.approx(0.6025, abs=0.001)  # type: ignore[index]


def test_what_is_not_known_of_an_image_has_no_place() -> None:
    ours = [replace(c, noise=n) for c, n in zip(series(0, 1_000, 2_000), (None, 1.0, 9.0), strict=True)]
    facts = group_images(ours)
    assert "noise" not in facts["i000"]["in_scene"]  # type: ignore[operator]
    assert facts["i001"]["in_scene"]["noise"]["place"] == 1.0  # type: ignore[index]
    assert "sharpness" not in facts["i001"]["in_scene"]  # type: ignore[operator]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_scenes_do_not_depend_on_order_and_ranks_count_from_one(data: st.DataObject) -> None:
    times = data.draw(st.lists(st.integers(0, 400), min_size=1, max_size=20))
    images = [
        replace(c, sharpness=data.draw(st.sampled_from([None, 0.3, 0.31, 0.6])), phash=some_hash(k % 7))
        for k, c in enumerate(series(*(t * 15_000 for t in times)))
    ]
    expected = group_images(images)
    assert group_images(data.draw(st.permutations(images))) == expected
    scenes: dict[object, list[Any]] = {}
    for facts in expected.values():
        scenes.setdefault(facts["scene"], []).append(facts)
    for scene, members in scenes.items():
        if scene is not None:
            assert sorted(m["scene_rank"] for m in members) == list(range(1, len(members) + 1))
            assert {m["scene_size"] for m in members} == {len(members)}
