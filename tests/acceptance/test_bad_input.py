"""Files and names that a photographer's disk really holds, and some that somebody put there on purpose."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from product import DONE, NOT_WELL, Product, picture, pictures, without_root_powers

from parjanya.catalog.discover import Walk, discover
from tbie.core.clock import SystemClock

HOSTILE_NAMES = (
    b"two\nlines.jpg",
    b"bell\x07 and \x1b[31mred.jpg",
    b"<img src=x onerror=alert(1)>.jpg",
    b"100%41 percent %25.jpg",
    b"latin\xe9\xff.jpg",
    "narrow\u202fspace, c1 \u009b31m, nbsp\u00a0.jpg".encode(),
    "\u202egpj.exe.jpg".encode(),
    b"=cmd|' C calc'!A0.jpg",
    b"quote\" and 'quote' and \\.jpg",
    b" .jpg",
)


class Strange:
    """A folder of everything, curated once."""

    def __init__(self, root: Path) -> None:
        self.product = Product(root)
        shoot = self.product.shoot
        picture(shoot / "good.jpg", 1)
        (shoot / "empty.jpg").touch()
        whole = picture(shoot / "whole.jpg", 2).read_bytes()
        (shoot / "whole.jpg").unlink()
        (shoot / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
        (shoot / "text.jpg").write_text("Dear diary, this is not a picture.\n" * 20)
        picture(shoot / "mislabelled.png", 3).rename(shoot / "mislabelled.jpg")
        picture(shoot / "unlabelled.jpg", 4).rename(shoot / "unlabelled")
        (shoot / "dangling.jpg").symlink_to("nowhere.jpg")
        (shoot / "loop-a.jpg").symlink_to("loop-b.jpg")
        (shoot / "loop-b.jpg").symlink_to("loop-a.jpg")
        os.mkfifo(shoot / "pipe.jpg")
        (shoot / "device.jpg").symlink_to("/dev/zero")
        picture(shoot / "folder.jpg" / "inside.jpg", 5)
        (shoot / "folder.jpg" / "up").symlink_to("..")  # a loop of folders
        (shoot / "linked.jpg").symlink_to("good.jpg")
        (shoot / "._good.jpg").write_bytes(b"resource fork")
        deep = shoot / "/".join(["d" * 200] * 15)
        deep.mkdir(parents=True)
        picture(deep / "deep.jpg", 6)
        self.result = self.product.curate(code=NOT_WELL)
        self.images = self.product.images()


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strange]:
    strange = Strange(tmp_path_factory.mktemp("strange"))
    yield strange
    strange.product.end()


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("empty.jpg", {"empty_file"}),
        ("truncated.jpg", {"truncated"}),
        ("text.jpg", {"not_an_image"}),
        ("dangling.jpg", {"source_missing"}),
        ("loop-a.jpg", {"symlink_loop"}),
        ("loop-b.jpg", {"symlink_loop"}),
        ("pipe.jpg", {"not_a_regular_file"}),
        ("device.jpg", {"not_a_regular_file"}),
    ],
)
def test_each_bad_file_fails_with_its_own_reason(strange: Strange, name: str, codes: set[str]) -> None:
    image = strange.images[name]
    assert image["status"] == "failed"
    assert image["failure"]["code"] in codes
    assert image["failure"]["message"] not in ("", image["failure"]["code"])
    assert image["verdict"] is None


@pytest.mark.parametrize("name", ["good.jpg", "mislabelled.jpg", "unlabelled", "inside.jpg", "linked.jpg", "deep.jpg"])
def test_each_good_file_among_them_is_judged(strange: Strange, name: str) -> None:
    assert strange.images[name]["status"] == "completed"
    assert strange.images[name]["verdict"] is not None


def test_loops_of_folders_are_walked_once_and_nothing_else_is_taken_in(strange: Strange) -> None:
    assert strange.result["images"] == len(strange.images) == 14
    assert strange.result["problems"] == []
    assert strange.result["ignored"] == {"._ (left by another system)": 1}


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("named"))
    for seed, name in enumerate(HOSTILE_NAMES):
        picture(product.shoot / "plain.jpg", seed).rename(product.shoot / os.fsdecode(name))
    yield product
    product.end()


def test_no_file_name_keeps_an_image_from_being_judged_or_breaks_a_report(named: Product) -> None:
    ran = named.run("curate", named.shoot, "--xmp", code=DONE)
    assert f"{len(HOSTILE_NAMES)} images" in ran.out
    for text in (ran.out, ran.err):
        assert all(c.isprintable() or c in "\n\t" for c in text)
    out = named.home / "out"
    document = json.loads((out / "images.json").read_text("utf-8"))
    listed = document["images"] if isinstance(document, dict) else document
    assert len(listed) == len(HOSTILE_NAMES)
    with (out / "images.csv").open(newline="", encoding="utf-8-sig") as file:
        assert len(list(csv.DictReader(file))) == len(HOSTILE_NAMES)
    for script in (out / "sheet").rglob("*.js"):
        assert "<img src=x" not in script.read_text("utf-8")
    assert "<img src=x" not in (out / "index.html").read_text("utf-8")
    assert len(list(named.shoot.glob("*.xmp"))) == len(HOSTILE_NAMES)


def test_each_line_of_images_is_json_whatever_the_names_hold(named: Product) -> None:
    if not (named.home / "truth.db").exists():
        named.curate()
    lines = named.run("images").out.split("\n")
    assert lines.pop() == ""
    paths = {json.loads(line)["path"] for line in lines}
    assert len(paths) == len(HOSTILE_NAMES)
    assert any(path.endswith("narrow\u202fspace, c1 \u009b31m, nbsp\u00a0.jpg") for path in paths)
    assert all(c.isprintable() for line in lines for c in line)
    assert len(named.run("images", environment={"PYTHONIOENCODING": "ascii"}).out.split("\n")) == len(lines) + 1


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_each_of_these_files_is_found_again_by_its_path_and_by_its_id(named: Product, name: bytes) -> None:
    if not (named.home / "truth.db").exists():
        named.curate()
    path = str(named.shoot / os.fsdecode(name))
    told = named.look("explain", path, "--json").json
    assert told["image"]["status"] == "completed"
    assert named.look("explain", told["id"], "--json").json["address"] == told["address"]
    text = named.look("explain", path).out
    assert all(c.isprintable() or c == "\n" for c in text)


def test_a_folder_that_may_not_be_read_is_named_and_the_rest_is_judged(product: Product) -> None:
    prefix = without_root_powers()
    pictures(product.shoot, 1)
    closed = product.shoot / "closed"
    pictures(closed, 1)
    closed.chmod(0)
    try:
        result = product.curate(code=NOT_WELL, prefix=prefix)
    finally:
        closed.chmod(0o700)
    assert result["problems"] == [{"path": str(closed), "problem": "permission denied"}]
    assert result["images"] == sum(result["verdicts"].values()) == 1


def test_a_path_that_does_not_exist_is_reported_and_the_others_are_judged(product: Product) -> None:
    (kept,) = pictures(product.shoot, 1)
    result = product.curate(kept, product.root / "nowhere", code=NOT_WELL)
    assert result["problems"] == [{"path": str(product.root / "nowhere"), "problem": "no such file or directory"}]
    assert result["images"] == 1


def test_a_file_named_directly_is_always_taken_so_that_it_gets_an_answer(product: Product) -> None:
    product.shoot.mkdir()
    notes = product.shoot / "notes.txt"
    notes.write_text("not an image")
    assert product.curate(notes, code=NOT_WELL)["failed"] == {"not_an_image": 1}


def test_files_that_vanish_or_change_between_ingest_and_work_say_so_and_are_tried_again(product: Product) -> None:
    vanished, changed, _ = pictures(product.shoot, 3)
    product.run("ingest", product.shoot)
    product.run("reconcile", "--once")  # their intents are out: whoever works on them will look for the files
    away = product.root / "away.jpg"
    vanished.rename(away)
    picture(changed, 70)
    product.run("worker", "--until-idle")
    assert product.failures() == {vanished.name: "source_missing", changed.name: "source_changed"}
    away.rename(vanished)
    result = product.curate()
    assert result["ingested"] == {"added": 0, "changed": 1, "retried": 1, "known": 1}
    assert result["failed"] == {}


def test_a_file_that_vanishes_before_its_intent_is_sent_is_an_object_that_is_missing(product: Product) -> None:
    vanished, fine = pictures(product.shoot, 2)
    product.run("ingest", product.shoot)
    vanished.unlink()
    result = product.curate(fine, code=NOT_WELL)
    assert result["failed"] == {"object_missing": 1}


def test_ten_thousand_entries_are_walked_in_seconds(tmp_path: Path) -> None:
    for folder in range(100):
        (tmp_path / f"{folder}").mkdir()
        for number in range(100):
            (tmp_path / f"{folder}" / f"{number}.{'jpg' if number % 2 else 'txt'}").touch()
    walk, clock = Walk(), SystemClock()
    started = clock.monotonic_s()
    found = list(discover([tmp_path, tmp_path / "7"], [], walk))
    assert clock.monotonic_s() - started < 10  # measured: 0.3 s; ten would mean that something is quadratic
    assert len(found) == 5_000
    assert walk.ignored == {".txt": 5_000}
    assert [f.path for f in found] == [f.path for f in discover([tmp_path], [], Walk())]


def test_messages_for_people_carry_no_control_characters(product: Product) -> None:
    bad = product.root / "no\x1b[2Jsuch"
    ran = product.run("ingest", bad, code=NOT_WELL)
    assert "\x1b" not in ran.err
    assert re.search(r"no\\x1b\[2Jsuch: no such file", ran.err)
