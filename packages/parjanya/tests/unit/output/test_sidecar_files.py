"""Sidecars as files: names, permissions, refusals, and exiftool as the referee."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from parjanya.export.record import ImageRecord
from parjanya.export.xmp import SidecarWriter, write_sidecar


def raw(record: ImageRecord, name: str) -> ImageRecord:
    source = record.source.with_name(name)
    source.write_bytes(b"raw")
    return replace(record, source=source)


def test_create_leave_update(record: ImageRecord) -> None:
    first = write_sidecar(record)
    assert (first.action, first.path.name) == ("created", "IMG_1.xmp")
    before = first.path.stat()
    assert write_sidecar(record).action == "unchanged"
    after = first.path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert write_sidecar(replace(record, rating=3)).action == "updated"


def test_darktable_names_hold_the_whole_file_name(record: ImageRecord) -> None:
    assert write_sidecar(record, "darktable").path.name == "IMG_1.jpg.xmp"


def test_raw_and_jpeg_of_one_name_get_a_sidecar_each(record: ImageRecord) -> None:
    camera_raw = raw(record, "IMG_1.CR3")
    writer = SidecarWriter("adobe")
    jpeg_result, raw_result = writer.write(record), writer.write(camera_raw)
    assert raw_result.path.name == "IMG_1.xmp"
    assert raw_result.warning is None
    assert jpeg_result.path.name == "IMG_1.jpg.xmp"
    assert jpeg_result.warning is not None
    assert "IMG_1.CR3" in jpeg_result.warning


def test_the_image_is_not_touched(record: ImageRecord) -> None:
    before = record.source.stat()
    write_sidecar(record)
    after = record.source.stat()
    assert (after.st_mtime_ns, after.st_size, after.st_ino) == (before.st_mtime_ns, before.st_size, before.st_ino)
    assert sorted(p.name for p in record.source.parent.iterdir()) == ["IMG_1.jpg", "IMG_1.xmp"]


def test_permissions_of_an_existing_sidecar_are_kept(record: ImageRecord) -> None:
    path = write_sidecar(record).path
    path.chmod(0o640)
    write_sidecar(replace(record, rating=2))
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_broken_sidecar_is_refused_and_left_as_it_was(record: ImageRecord) -> None:
    path = record.source.with_suffix(".xmp")
    path.write_bytes(b"<!DOCTYPE lolz [<!ENTITY lol 'lol'>]><lolz>&lol;</lolz>")
    result = write_sidecar(record)
    assert result.action == "refused"
    assert str(result.reason).startswith("sidecar_doctype")
    assert path.read_bytes().startswith(b"<!DOCTYPE")


def test_a_symbolic_link_is_not_followed(record: ImageRecord, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("mine")
    record.source.with_suffix(".xmp").symlink_to(target)
    result = write_sidecar(record)
    assert str(result.reason).startswith("sidecar_not_a_file")
    assert target.read_text() == "mine"


def test_a_pipe_does_not_hang_the_export(record: ImageRecord) -> None:
    os.mkfifo(record.source.with_suffix(".xmp"))
    assert str(write_sidecar(record).reason).startswith("sidecar_not_a_file")


def test_a_sidecar_that_changes_meanwhile_is_not_overwritten(
    record: ImageRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_sidecar(record).path
    from parjanya.export import sidecar

    merge = sidecar.merge

    def slow(*given: object) -> sidecar.Merged:
        path.write_bytes(path.read_bytes() + b"\n")  # another program saves while we think
        return merge(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(sidecar, "merge", slow)
    result = write_sidecar(replace(record, rating=5))
    assert str(result.reason).startswith("sidecar_changed")
    assert b"Rating>5" not in path.read_bytes()
    assert not list(path.parent.glob(".parjanya-*"))


def test_a_name_that_is_not_utf8_gets_its_sidecar(record: ImageRecord, tmp_path: Path) -> None:
    source = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))
    source.write_bytes(b"x")
    assert write_sidecar(replace(record, source=source)).action == "created"
    assert b"caf\xe9.xmp" in [os.fsencode(entry.name) for entry in tmp_path.iterdir()]


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_reads_what_we_wrote_and_we_keep_what_exiftool_wrote(record: ImageRecord) -> None:
    path = record.source.with_suffix(".xmp")
    options = ["-XMP-crs:Exposure2012=+0.35", "-XMP-dc:Title=Küste", "-XMP-dc:Subject=anna", "-XMP-photoshop:City=Köln"]
    subprocess.run(["exiftool", "-q", *options, str(path)], check=True)
    assert write_sidecar(record).action == "updated"
    answer = subprocess.run(["exiftool", "-j", "-G1", "-a", str(path)], check=True, capture_output=True)
    (read,) = json.loads(answer.stdout)
    assert read["XMP-xmp:Rating"] == -1
    assert read["XMP-xmp:Label"] == "Red"
    assert read["XMP-digiKam:PickLabel"] == 1
    assert read["XMP-dc:Subject"] == ["anna", "parjanya", "reject", "blur.severe"]
    assert read["XMP-lr:HierarchicalSubject"] == ["parjanya|reject", "parjanya|reject|blur.severe"]
    assert read["XMP-parjanya:Verdict"] == "reject"
    assert read["XMP-parjanya:Reasons"] == "blur.severe: Nothing is sharp."
    assert read["XMP-parjanya:PolicyVersion"] == record.policy_version
    assert (read["XMP-crs:Exposure2012"], read["XMP-dc:Title"], read["XMP-photoshop:City"]) == (
        "+0.35",
        "Küste",
        "Köln",
    )
    assert not [name for name in read if name.endswith(("Warning", "Error"))]


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_a_rating_and_a_label_that_a_human_set_with_another_program_stay(record: ImageRecord) -> None:
    path = record.source.with_suffix(".xmp")
    assert write_sidecar(record).action == "created"
    subprocess.run(
        ["exiftool", "-q", "-overwrite_original", "-XMP-xmp:Rating=5", "-XMP-xmp:Label=Blue", path], check=True
    )
    result = write_sidecar(replace(record, verdict="review", rating=2, label="Yellow"))
    assert set(result.kept) == {"rating", "label"}
    answer = subprocess.run(["exiftool", "-j", "-G1", "-a", str(path)], check=True, capture_output=True)
    (read,) = json.loads(answer.stdout)
    assert (read["XMP-xmp:Rating"], read["XMP-xmp:Label"], read["XMP-parjanya:Verdict"]) == (5, "Blue", "review")
