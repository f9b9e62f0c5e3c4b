"""Grouping: what belongs together, what does not, and who is told."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageOps

from parjanya.vision.candidate import Candidate
from parjanya.vision.grouping import group_images
from parjanya.vision.groups import BURST_SPAN_MS
from parjanya.vision.likeness import is_informative, similar_pairs
from tbie.core.clock import SystemClock

sys.path.insert(0, str(Path(__file__).parent))
from judge_candidates import CAMERA, frame, image, near, some_hash
from judge_pictures import dct_hash, scene

RANDOM = np.random.default_rng(11)


def test_the_same_bytes_under_two_names_are_an_exact_group_and_the_original_name_is_best() -> None:
    one, other = image("b", path="/x/1.jpg", sha256="s" * 64), image("a", path="/x/1 copy.jpg", sha256="s" * 64)
    facts = group_images([one, other])
    assert (facts["b"]["kind"], facts["b"]["best"], facts["b"]["size"]) == ("exact", True, 2)
    assert (facts["a"]["best_item"], facts["a"]["rank"]) == ("b", 2)


def test_a_blurred_version_is_not_the_best_however_large_and_whoever_made_it() -> None:
    blurred = image("a", camera=CAMERA, phash=some_hash(1), sharpness=0.09, pixels=4_000_000)
    sharp = image("b", phash=some_hash(1), sharpness=0.56, pixels=1_000_000)
    facts = group_images([blurred, sharp])
    assert (facts["a"]["kind"], facts["a"]["best_item"]) == ("near_duplicate", "b")


def test_a_shrunk_copy_joins_its_original_and_the_larger_one_is_best() -> None:
    one = some_hash(1)
    small = image("s", phash=near(one, 30), pixels=10_000, sharpness=0.8)
    facts = group_images([small, image("l", phash=one, pixels=90_000, sharpness=0.7)])
    assert facts["s"]["kind"] == facts["l"]["kind"] == "near_duplicate"
    assert facts["l"]["best"] is True
    assert any("more pixels" in d["text"] for d in facts["s"]["differences"])  # type: ignore[attr-defined]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999))
def test_all_eight_rotations_and_mirrorings_of_an_image_are_one_group(seed: int) -> None:
    picture = scene(seed, (512, 384))
    turned = [face.rotate(a, expand=True) for face in (picture, ImageOps.mirror(picture)) for a in (0, 90, 180, 270)]
    images = [image(f"i{k}", phash=dct_hash(p)) for k, p in enumerate(turned)]
    facts = group_images([*images, image("other", phash=dct_hash(scene(seed + 1000)))])
    assert {facts[f"i{k}"]["group"] for k in range(8)} == {"near:i0"}
    assert facts["other"]["group"] is None


def test_the_sharpest_frame_of_a_burst_is_best_and_the_others_say_by_how_much() -> None:
    one, sharpness = some_hash(2), (0.5, 0.5, 0.68, 0.5)
    facts = group_images([frame(f"f{k}", k * 200, near(one, 20, k), sharpness=s) for k, s in enumerate(sharpness)])
    assert [facts[f"f{k}"]["best"] for k in range(4)] == [False, False, True, False]
    assert facts["f0"]["kind"] == "burst"
    assert facts["f0"]["differences"][0]["text"] == "f2.jpg: 0.18 sharper than this one"  # type: ignore[index]


def test_of_equally_sharp_frames_the_less_clipped_is_best() -> None:
    one = some_hash(3)
    clipped = frame("a", 0, one, sharpness=0.601, clipped=0.3)
    facts = group_images([clipped, frame("b", 100, near(one, 8), sharpness=0.6, clipped=0.01)])
    assert facts["b"]["best"] is True


def test_frames_of_one_second_without_subseconds_are_a_burst() -> None:
    one = some_hash(4)
    facts = group_images([frame("a", 5_000, one), frame("b", 5_000, near(one, 60))])
    assert facts["a"]["group"] == facts["b"]["group"] == "burst:a"


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (frame("b", 3_500, some_hash(5)), "too late"),
        (frame("b", 100, some_hash(6)), "another scene"),
        (image("b", camera=("Acme", "Mk II", "43"), taken_ms=100, phash=near(some_hash(5), 70)), "another body"),
        (image("b", camera=None, taken_ms=100, phash=near(some_hash(5), 70)), "camera unknown"),
        (image("b", camera=CAMERA, taken_ms=None, phash=near(some_hash(5), 70)), "time unknown"),
    ],
)  # fmt: skip
def test_images_that_are_not_one_moment_are_no_burst(second: Candidate, why: str) -> None:
    facts = group_images([frame("a", 0, some_hash(5)), second])
    assert facts["b"]["kind"] != "burst", why


def test_an_hour_of_steady_shooting_is_not_chained_into_one_burst() -> None:
    current, frames = some_hash(7), []
    for k in range(600):
        current = near(current, 6, k)
        frames.append(frame(f"f{k:04}", k * 2_000, current))
    facts = group_images(frames)
    spans: dict[object, list[int]] = {}
    for c in frames:
        spans.setdefault(facts[c.item]["group"], []).append(c.taken_ms or 0)
    assert len(spans) > 50
    assert all(max(times) - min(times) <= BURST_SPAN_MS for times in spans.values())


def test_near_duplicates_do_not_chain_through_images_that_drift_away() -> None:
    hashes = [some_hash(8)]
    for k in range(12):
        hashes.append(near(hashes[-1], 30, 50 + k))
    facts = group_images([image(f"i{k:02}", phash=h) for k, h in enumerate(hashes)])
    assert len({f["group"] for f in facts.values()}) > 2


def test_an_export_of_a_burst_frame_joins_the_burst_as_a_near_duplicate() -> None:
    one = some_hash(9)
    frames = [frame("a", 0, one, sharpness=0.7), frame("b", 90, near(one, 70))]
    facts = group_images([*frames, image("web", phash=near(one, 10))])
    assert facts["web"]["group"] == "burst:a"
    assert (facts["web"]["kind"], facts["b"]["kind"], facts["a"]["best"]) == ("near_duplicate", "burst", True)


def test_a_copy_of_the_best_frame_stays_an_exact_copy_and_the_frame_stays_best_of_its_burst() -> None:
    one = some_hash(10)
    a = frame("a", 0, one, sharpness=0.9, sha256="a" * 64)
    facts = group_images([a, frame("b", 50, near(one, 9)), image("z", path="/x/y/z.jpg", sha256="a" * 64, phash=one)])
    assert (facts["z"]["kind"], facts["z"]["best_item"]) == ("exact", "a")
    assert (facts["a"]["kind"], facts["a"]["best"]) == ("burst", True)


def test_blank_frames_are_not_duplicates_of_each_other_and_say_what_was_not_compared() -> None:
    facts = group_images([image("a", phash="0" * 64), image("b", phash="0" * 64), image("c", phash=None)])
    assert all(f["group"] is None for f in facts.values())
    assert facts["a"]["compared_by"] == facts["c"]["compared_by"] == ["sha256"]
    assert not is_informative("0" * 64)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_groups_do_not_depend_on_the_order_of_the_images(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 24))
    seeds, bits = st.integers(0, 3), st.integers(0, 70)
    images = [
        frame(
            f"i{k}",
            data.draw(st.integers(0, 9)) * 1_000,
            near(some_hash(data.draw(seeds)), data.draw(bits), k),
            sharpness=data.draw(st.sampled_from([None, 0.3, 0.5])),
            sha256=f"{data.draw(st.integers(0, 30)):02}".ljust(64, "f"),
        )
        for k in range(count)
    ]
    expected = group_images(images)
    assert group_images(data.draw(st.permutations(images))) == expected
    for item, facts in expected.items():
        mates = [f for f in expected.values() if f["group"] and f["group"] == facts["group"]]
        assert sum(bool(f["best"]) for f in mates) in (0, 1)
        assert facts["best_item"] is None or facts["best"] == (facts["best_item"] == item)


def test_every_pair_within_the_limit_is_found_once_and_none_beyond_it() -> None:
    hashes = [near(some_hash(k % 40), int(RANDOM.integers(0, 60)), k) for k in range(300)]
    i, j, bits = similar_pairs(hashes, 52)
    found = {(a, b): d for a, b, d in zip(i.tolist(), j.tolist(), bits.tolist(), strict=True)}
    assert len(found) == i.size
    numbers = [int(h, 16) for h in hashes]
    for a in range(300):
        for b in range(a + 1, 300):
            plain = (numbers[a] ^ numbers[b]).bit_count()
            assert plain > 52 or found[a, b] <= plain
    assert all(d <= 52 for d in found.values())


def test_ten_thousand_images_are_grouped_in_seconds() -> None:
    moments = [(k, (k // 3) * 9_000 + k % 3, near(some_hash(k // 3), 12, k)) for k in range(10_000)]
    images = [frame(f"i{k:05}", at_ms, hash_hex, sharpness=0.5) for k, at_ms, hash_hex in moments]
    clock = SystemClock()
    began = clock.monotonic_s()
    facts = group_images(images)
    assert clock.monotonic_s() - began < 20, "about 1.5 s on one unloaded core"
    assert len({f["group"] for f in facts.values()}) in (3333, 3334)
