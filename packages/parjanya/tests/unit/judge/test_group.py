"""Grouping: what belongs together, what does not, and who is told."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from parjanya.stages import group
from parjanya.vision.candidate import Candidate
from parjanya.vision.grouping import BURST_SPAN_MS, group_images
from parjanya.vision.likeness import is_informative, similar_pairs
from tbie.core.clock import SystemClock
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed, Retry
from tbie.execution import Work

sys.path.insert(0, str(Path(__file__).parent))
from judge_pictures import dct_hash, scene

CAMERA = ("Acme", "Mk II", "42")
RANDOM = np.random.default_rng(11)


def some_hash(seed: int) -> str:
    """The hash of some scene: 128 of 256 bits set."""
    bits = np.zeros(256, np.uint8)
    bits[np.random.default_rng(seed).permutation(256)[:128]] = 1
    return np.packbits(bits).tobytes().hex()


def near(hash_hex: str, bits: int, seed: int = 0) -> str:
    """*hash_hex* with *bits* of its bits flipped, half of them each way."""
    array = np.unpackbits(np.frombuffer(bytes.fromhex(hash_hex), np.uint8))
    rng = np.random.default_rng(seed)
    ones, zeros = rng.permutation(np.flatnonzero(array)), rng.permutation(np.flatnonzero(array == 0))
    array[np.concatenate([ones[: bits // 2], zeros[: bits - bits // 2]])] ^= 1
    return np.packbits(array).tobytes().hex()


def image(item: str, **known: Any) -> Candidate:
    known.setdefault("path", f"/shoot/{item}.jpg")
    known.setdefault("sha256", item.encode().hex().ljust(64, "0"))
    return Candidate(item=item, **known)


def frame(item: str, at_ms: int, hash_hex: str, **known: Any) -> Candidate:
    return image(item, camera=CAMERA, taken_ms=at_ms, phash=hash_hex, **known)


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


def work(item: str, tenant: str = "studio") -> Work:
    return Work(ItemKey(tenant, item), "group", 1, group.VERSION, Address("file", item), {"path": item}, {})


def stored(images: Sequence[Candidate]) -> list[Candidate]:
    facts = group_images(images)
    return [replace(c, stored_group=facts[c.item]) for c in images]


def test_a_new_member_invalidates_the_stored_answers_that_it_changes_and_no_others() -> None:
    one = some_hash(12)
    before = stored([frame("a", 0, one), frame("b", 90, near(one, 9)), frame("far", 10**8, some_hash(13))])
    handle = group.make_batch_handler(lambda _: [*before, frame("c", 150, near(one, 14), sharpness=0.9)])
    (outcome,) = handle([work("c")])
    assert isinstance(outcome, Completed)
    assert outcome.facts["best"] is True
    assert outcome.invalidates == ((ItemKey("studio", "a"), "group"), (ItemKey("studio", "b"), "group"))


def test_members_of_the_same_batch_are_not_invalidated_but_answered() -> None:
    one = some_hash(14)
    before = stored([frame("a", 0, one)])
    handle = group.make_batch_handler(lambda _: [*before, frame("b", 5, near(one, 9))])
    outcomes = handle([work("a"), work("b")])
    assert [o.invalidates for o in outcomes if isinstance(o, Completed)] == [(), ()]


def test_a_converged_tenant_invalidates_nothing() -> None:
    settled = stored([frame(f"i{k}", k, near(some_hash(15), 9, k)) for k in range(6)])
    (outcome,) = group.make_batch_handler(lambda _: settled)([work("i3")])
    assert isinstance(outcome, Completed)
    assert outcome.invalidates == ()


def test_tenants_never_meet_in_a_group() -> None:
    handle = group.make_batch_handler(lambda tenant: [image("a", sha256="s" * 64)])
    outcomes = handle([work("a", "one"), work("a", "two")])
    assert all(isinstance(o, Completed) and o.facts["group"] is None for o in outcomes)


def test_a_work_that_is_not_among_the_candidates_is_tried_again() -> None:
    (outcome,) = group.make_batch_handler(lambda _: [])([work("a")])
    assert isinstance(outcome, Retry)
    assert outcome.reason == "not_yet_a_candidate"


def test_a_candidate_is_read_from_the_facts_of_the_stages() -> None:
    technical = {
        "sha256": "f" * 64, "phash": some_hash(1), "bytes": 9, "width": 30, "height": 20,
        "exif": {"make": "Acme", "model": "Mk II", "serial": None, "taken": {"local": "2024-05-01T10:00:00.250"}},
    }  # fmt: skip
    quality = {"subject_sharpness": 0.7, "clipped_highlights": 0.1, "clipped_shadows": 0.2, "noise": None}
    read = Candidate.of("i", {"path": "/a/b.jpg"}, {"technical": technical, "quality": quality}, None)
    assert (read.camera, read.pixels, read.sharpness, read.noise) == (("Acme", "Mk II", ""), 600, 0.7, None)
    assert read.clipped == pytest.approx(0.3)
    assert read.taken_ms is not None
    assert read.taken_ms % 1000 == 250
    with pytest.raises(ValueError, match="SHA-256"):
        Candidate.of("i", {}, {}, None)


@pytest.mark.parametrize("local", ["0000:00:00 00:00:00", "", None, 7])
def test_a_capture_time_that_cannot_be_read_is_unknown(local: object) -> None:
    technical = {"sha256": "f" * 64, "exif": {"model": "m", "taken": {"local": local}}}
    assert Candidate.of("i", {}, {"technical": technical}, None).taken_ms is None


def test_real_edits_and_rotations_of_one_picture_are_found_and_nothing_else() -> None:
    from judge_pictures import data_folder

    data = data_folder()
    same = sorted((data / "nearduplicate").rglob("*.jpg"))
    others = sorted((data / "photo").glob("*.png")) + sorted((data / "nonphoto").glob("*.png"))
    candidates = [image(str(p.relative_to(data)), phash=dct_hash(Image.open(p).convert("RGB"))) for p in same + others]
    facts = group_images(candidates)
    groups = [facts[str(p.relative_to(data))]["group"] for p in same]
    wrong = [str(p) for p in others if facts[str(p.relative_to(data))]["group"] is not None]
    pairs = sum(a is not None and a == b for k, a in enumerate(groups) for b in groups[k + 1 :])
    assert pairs / (len(same) * (len(same) - 1) / 2) >= 0.95
    assert not wrong
