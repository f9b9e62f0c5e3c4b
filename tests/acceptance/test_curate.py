"""The main job from end to end: verdicts, reports, exit codes, and what a second run does."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from product import DONE, NOT_WELL, STAGES, Product, picture, pictures, without_root_powers


class Judged:
    """One shoot, curated once; the tests of this class of questions only look."""

    def __init__(self, root: Path) -> None:
        self.product = Product(root, forks=False)
        shoot = self.product.shoot
        self.good = [picture(shoot / f"a{suffix}", n) for n, suffix in enumerate((".jpg", ".png", ".webp", ".tif"))]
        self.good.append(picture(shoot / "second day" / "b.jpeg", 9))
        self.empty = shoot / "empty.jpg"
        self.empty.touch()
        (shoot / "notes.txt").write_text("not an image")
        self.before = self.originals()
        self.result = self.product.curate(code=NOT_WELL)
        self.out = self.product.home / "out"

    def originals(self) -> dict[Path, tuple[bytes, int, int]]:
        files = (path for path in self.product.shoot.rglob("*") if path.is_file())
        return {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in files}


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """Commands of this module start as a user's do, from nothing."""
    product = Product(tmp_path, forks=False)
    yield product
    product.end()


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    judged = Judged(tmp_path_factory.mktemp("judged"))
    yield judged
    judged.product.end()


def test_the_result_document_counts_every_image_and_names_every_report(judged: Judged) -> None:
    result = judged.result
    assert result["settled"] is True
    assert result["images"] == 6
    assert sum(result["verdicts"].values()) == 5
    assert set(result["verdicts"]) <= {"keep", "review", "reject"}
    assert result["failed"] == {"empty_file": 1}
    assert result["ingested"] == {"added": 6, "changed": 0, "retried": 0, "known": 0}
    assert result["ignored"] == {".txt": 1}
    assert result["problems"] == []
    for report in ("contact_sheet", "csv", "json"):
        assert Path(result[report]).is_file()


def test_every_image_has_a_verdict_or_the_reason_why_it_has_none(judged: Judged) -> None:
    images = judged.product.images()
    assert {name: image["verdict"] is None for name, image in images.items()} == {
        **{path.name: False for path in judged.good},
        "empty.jpg": True,
    }
    failure = images["empty.jpg"]["failure"]
    assert failure == {**failure, "stage": "technical", "code": "empty_file", "retriable": False}
    assert "no bytes" in failure["message"]
    for path in judged.good:
        assert images[path.name]["status"] == "completed"
        assert set(images[path.name]["versions"]) == set(STAGES)


def test_the_tables_hold_every_image(judged: Judged) -> None:
    expected = sorted(str(path) for path in [*judged.good, judged.empty])
    with (judged.out / "images.csv").open(newline="", encoding="utf-8-sig") as file:
        assert sorted(row["path"] for row in csv.DictReader(file)) == expected
    document = json.loads((judged.out / "images.json").read_text())
    images = document["images"] if isinstance(document, dict) else document
    assert sorted(image["path"] for image in images) == expected


def test_the_contact_sheet_refers_only_to_files_that_exist(judged: Judged) -> None:
    page = (judged.out / "index.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    media = list((judged.out / "media").rglob("*.jpg"))
    assert len(media) == 2 * len(judged.good)
    assert all(path.read_bytes().startswith(b"\xff\xd8") for path in media)


def test_originals_keep_their_bytes_times_and_permissions(judged: Judged) -> None:
    assert judged.originals() == judged.before


def test_a_second_run_changes_nothing_and_starts_no_worker(judged: Judged) -> None:
    product = judged.product
    seq = product.last_seq()
    workers = product.query("SELECT instance FROM heartbeat WHERE component = 'worker'")
    again = product.curate(code=NOT_WELL)
    assert again == {**judged.result, "ingested": {"added": 0, "changed": 0, "retried": 0, "known": 6}}
    assert product.last_seq() == seq
    assert product.query("SELECT instance FROM heartbeat WHERE component = 'worker'") == workers


def test_what_was_touched_or_changed_is_judged_again_and_nothing_else(product: Product) -> None:
    touched, changed, same, removed = pictures(product.shoot, 4)
    product.curate()
    before = product.images()
    os.utime(touched, ns=(1, 1))
    picture(changed, seed=77)
    removed.unlink()
    assert product.curate()["ingested"] == {"added": 0, "changed": 2, "retried": 0, "known": 1}
    after = product.images()
    assert after[changed.name]["sha256"] != before[changed.name]["sha256"]
    assert after[touched.name]["sha256"] == before[touched.name]["sha256"]
    generations = dict(
        product.query(
            "SELECT i.address, s.generation FROM item i JOIN stage s ON s.item_id = i.id WHERE s.stage = 'technical'"
        )
    )
    assert generations == {str(touched): 2, str(changed): 2, str(same): 1, str(removed): 1}
    # what was known of a file that is gone stays known, and it is still in the reports
    assert after[removed.name]["verdict"] == before[removed.name]["verdict"]


def test_a_file_that_could_not_be_read_is_tried_again_by_the_next_run(product: Product) -> None:
    prefix = without_root_powers()
    locked, _ = pictures(product.shoot, 2)
    locked.chmod(0)
    first = product.curate(code=NOT_WELL, prefix=prefix)
    assert first["failed"] == {"permission_denied": 1}
    locked.chmod(0o600)
    second = product.curate(prefix=prefix)
    assert second["ingested"] == {"added": 0, "changed": 0, "retried": 1, "known": 1}
    assert second["failed"] == {}
    assert sum(second["verdicts"].values()) == 2


def test_a_failure_that_no_retry_can_mend_is_not_tried_again(product: Product) -> None:
    product.shoot.mkdir()
    (product.shoot / "broken.jpg").write_bytes(b"\xff\xd8\xff" + bytes(100))
    product.curate(code=NOT_WELL)
    seq = product.last_seq()
    assert product.curate(code=NOT_WELL)["ingested"]["known"] == 1
    assert product.last_seq() == seq


def test_tenants_share_a_home_and_see_nothing_of_each_other(product: Product) -> None:
    ours, theirs = product.root / "ours", product.root / "theirs"
    pictures(ours, 2)
    pictures(theirs, 1)
    shutil.copy(ours / "img001.jpg", theirs / "img001.jpg")
    assert product.curate(ours, "--tenant", "ours", "--out", product.root / "out-ours")["images"] == 2
    assert product.curate(theirs, "--tenant", "theirs", "--out", product.root / "out-theirs")["images"] == 2
    assert {Path(i["path"]).parent for i in product.images("--tenant", "ours").values()} == {ours}
    listed = json.loads((product.root / "out-theirs" / "images.json").read_text())
    assert str(ours) not in json.dumps(listed)
    groups = [image["group"] for image in product.images("--tenant", "theirs").values()]
    assert all(group is None or group["size"] <= 2 for group in groups)


def test_sidecars_are_written_beside_the_images_only_when_asked_for(product: Product) -> None:
    (kept,) = pictures(product.shoot, 1)
    product.curate()
    assert [path.name for path in product.shoot.iterdir()] == [kept.name]
    result = product.curate(product.shoot, "--xmp")
    assert sum(result["sidecars"].values()) == 1
    assert sorted(path.suffix for path in product.shoot.iterdir()) == [".jpg", ".xmp"]
    kept.unlink()
    (product.shoot / "img000.jpg.xmp").unlink(missing_ok=True)
    (product.shoot / "img000.xmp").unlink(missing_ok=True)
    product.curate(product.shoot, "--xmp", code=None)
    assert list(product.shoot.iterdir()) == []  # no sidecar for an image that is not there any more


def test_the_demo_ends_well_although_its_shoot_contains_a_broken_file(product: Product) -> None:
    folder = product.root / "demo"
    pictures(folder / "shoot", 1)  # an existing shoot is taken as it is
    (folder / "shoot" / "broken.jpg").touch()
    assert "Open" in product.run("demo", "--folder", folder, code=DONE).err
    assert (folder / "out" / "index.html").is_file()
