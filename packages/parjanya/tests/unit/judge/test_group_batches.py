"""The stage as workers run it: batches, answers that others' arrival makes wrong, workers that overtake each other."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from parjanya.imaging.decode import decode
from parjanya.imaging.hashes import phash
from parjanya.imaging.limits import DEFAULT_LIMITS
from parjanya.imaging.refusal import ImageRefused
from parjanya.imaging.sniff import sniff
from parjanya.stages import group
from parjanya.vision.candidate import Candidate
from parjanya.vision.grouping import group_images
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed, Outcome, Retry
from tbie.execution import Work

sys.path.insert(0, str(Path(__file__).parent))
from judge_candidates import frame, image, near, some_hash


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


@pytest.mark.timeout(180)
def test_real_edits_and_rotations_of_one_picture_are_found_and_nothing_else() -> None:
    """Against every other picture among the test images, hashed as the stage hashes them."""
    from judge_pictures import data_folder

    data = data_folder()
    same = sorted((data / "nearduplicate").rglob("*.jpg"))
    folders = ("photo", "nonphoto", "exif", "exif_golden")
    hashed = {path: found for folder in ("nearduplicate", *folders) for path, found in hashes_below(data / folder)}
    facts = group_images([image(str(path), sha256=str(path), phash=found) for path, found in hashed.items()])
    groups: dict[object, list[bool]] = {}
    for path in hashed:
        groups.setdefault(facts[str(path)]["group"], []).append(path in same)
    found = [members for group, members in groups.items() if group is not None and any(members)]
    right = sum(sum(members) * (sum(members) - 1) // 2 for members in found)
    told = sum(len(members) * (len(members) - 1) // 2 for members in found)
    assert len(hashed) > 200
    assert right / (len(same) * (len(same) - 1) / 2) >= 0.95
    assert right / told >= 0.99


def hashes_below(folder: Path) -> Iterator[tuple[Path, str]]:
    """The hash of every file below *folder* that is a picture."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            data = path.read_bytes()
            decoded = decode(data, sniff(data), DEFAULT_LIMITS)
        except ImageRefused:
            continue
        yield path, phash(decoded.view)


def test_a_member_that_another_worker_is_still_comparing_is_reset_and_strangers_are_left_alone() -> None:
    """That worker may have loaded the tenant before this image was there: its answer would be one member short."""
    one = some_hash(16)
    in_flight, stranger = frame("a", 0, one), frame("far", 10**8, some_hash(17))
    handle = group.make_batch_handler(lambda _: [in_flight, stranger, frame("c", 150, near(one, 9))])
    (outcome,) = handle([work("c")])
    assert isinstance(outcome, Completed)
    assert outcome.invalidates == ((ItemKey("studio", "a"), "group"),)


def test_two_workers_that_compared_halves_of_a_group_agree_after_one_round_more() -> None:
    """Property of the whole: whoever commits last, stored answers end equal to the answer for all images."""
    one = some_hash(18)
    images = {name: frame(name, k * 10, near(one, 9, k)) for k, name in enumerate("abcd")}
    truth: dict[str, Candidate] = {name: images[name] for name in "abc"}  # what is stored; d is not there yet
    snapshot = list(truth.values())
    early = group.make_batch_handler(lambda _: snapshot)([work(n) for n in "abc"])
    truth["d"] = images["d"]
    pending = {"a", "b", "c", "d"}

    def commit(names: Sequence[str], outcomes: Sequence[Outcome], live: set[str]) -> None:
        for name, outcome in zip(names, outcomes, strict=True):
            if name in live and isinstance(outcome, Completed):
                truth[name] = replace(truth[name], stored_group=outcome.facts)
                pending.discard(name)
                for key, _ in outcome.invalidates:
                    truth[key.item] = replace(truth[key.item], stored_group=None)
                    pending.add(key.item)
                    live.discard(key.item)

    live = {"a", "b", "c", "d"}
    commit("d", group.make_batch_handler(lambda _: list(truth.values()))([work("d")]), live)
    commit("abc", early, live)  # the zombie of an earlier snapshot
    for _ in range(3):
        names = sorted(pending)
        commit(names, group.make_batch_handler(lambda _: list(truth.values()))([work(n) for n in names]), set(names))
    right = group_images([replace(c, stored_group=None) for c in images.values()])
    assert pending == set()
    assert {name: c.stored_group for name, c in truth.items()} == right
