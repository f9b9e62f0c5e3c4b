"""The contact sheet as files: whose folder, what stays, what goes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from parjanya.export.record import ImageRecord
from parjanya.export.sheet import SheetMeta, write_sheet
from parjanya.export.sheet.folder import NotOurFolderError
from parjanya.export.sheet.writer import BesideImagesError
from tbie.core.errors import ObjectMissingError

META = SheetMeta("A shoot", 1_795_000_000_000)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def index_of(out: Path) -> dict[str, object]:
    (script,) = out.glob("sheet/*/index.js")
    match = re.fullmatch(r"ParjanyaSheet\.receiveIndex\((.*)\);\n", script.read_text("ascii"), re.DOTALL)
    assert match is not None
    found = json.loads(match[1])
    assert isinstance(found, dict)
    return found


def test_the_same_records_give_the_same_files(record: ImageRecord, tmp_path: Path) -> None:
    images = [replace(record, thumb=lambda: b"jpeg")]
    out = tmp_path / "sheet"
    write_sheet(images, out, META)
    before = tree(out)
    write_sheet(images, out, META)
    assert tree(out) == before
    assert {"index.html", "parjanya-sheet.json"} <= set(before)


def test_a_folder_with_other_files_is_refused_and_left_alone(record: ImageRecord, tmp_path: Path) -> None:
    out = tmp_path / "holiday"
    out.mkdir()
    (out / "index.html").write_text("my page")
    with pytest.raises(NotOurFolderError, match=re.escape("index.html")):
        write_sheet([record], out, META)
    assert tree(out) == {"index.html": b"my page"}


def test_a_new_run_removes_its_own_old_files_and_nothing_else(record: ImageRecord, tmp_path: Path) -> None:
    out = tmp_path / "sheet"
    write_sheet([replace(record, thumb=lambda: b"old")], out, META)
    old = set(tree(out))
    (out / "notes.txt").write_text("keep me")
    (out / "media" / "mine.jpg").write_bytes(b"keep me")
    (next((out / "sheet").iterdir()) / "notes.txt").write_text("keep me")
    write_sheet([replace(record, thumb=lambda: b"new")], out, META)
    now = set(tree(out))
    assert {"notes.txt", "media/mine.jpg"} <= now
    assert sum(name.endswith("notes.txt") for name in now) == 2
    assert len([name for name in now if name.endswith("index.js")]) == 1
    assert len([name for name in now & old if name.startswith("media/")]) == 0


def test_a_run_that_breaks_off_leaves_a_sheet_that_opens(record: ImageRecord, tmp_path: Path) -> None:
    out = tmp_path / "sheet"
    write_sheet([record], out, META)
    before = tree(out)

    def broken() -> Iterator[ImageRecord]:
        yield replace(record, id="other")
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        write_sheet(broken(), out, META)
    assert {name: content for name, content in tree(out).items() if ".new" not in name} == before
    write_sheet([record], out, META)
    assert tree(out) == before


def test_the_sheet_never_lies_among_the_images(record: ImageRecord) -> None:
    folder = record.source.parent / "shoot"
    folder.mkdir()
    with pytest.raises(BesideImagesError):
        write_sheet([replace(record, source=folder / "IMG_1.jpg")], folder, META)
    assert not (folder / "index.html").exists()


def test_a_preview_that_is_gone_is_counted_and_the_sheet_is_written(record: ImageRecord, tmp_path: Path) -> None:
    def gone() -> bytes:
        raise ObjectMissingError("thumb/1")

    images = [replace(record, thumb=gone), replace(record, id="2", thumb=tmp_path / "nowhere.jpg")]
    write_sheet(images, tmp_path / "sheet", META)
    index = index_of(tmp_path / "sheet")
    assert index["meta"]["missing"] == 2  # type: ignore[index]
    assert len(index["rows"]) == 2  # type: ignore[arg-type]


def test_data_is_ascii_without_markup_and_without_nan(record: ImageRecord, tmp_path: Path) -> None:
    odd = replace(record, path="</script>\u2028\udcff.jpg", scores={"sharpness": float("nan"), "noise": float("inf")})
    write_sheet([odd], tmp_path / "sheet", META)
    for script in (tmp_path / "sheet").glob("sheet/*/*.js"):
        if script.name.startswith(("index", "details")):
            content = script.read_bytes()
            assert content.isascii()
            assert b"<" not in content
            assert b"NaN" not in content
            assert b"Infinity" not in content


def test_the_page_forbids_everything_but_its_own_files(record: ImageRecord, tmp_path: Path) -> None:
    page = write_sheet([record], tmp_path / "sheet", META).read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'")
    assert "unsafe" not in policy[1]
    assert not re.search(r"<script(?! src=)|<style|\son\w+=|https?://", page)


def test_pictures_are_linked_and_the_source_is_never_changed(record: ImageRecord, tmp_path: Path) -> None:
    source = tmp_path / "store.jpg"
    source.write_bytes(b"jpeg")
    before = source.stat().st_mtime_ns
    write_sheet([replace(record, thumb=source, large=source)], tmp_path / "sheet", META)
    pictures = list((tmp_path / "sheet" / "media").glob("??/*.jpg"))
    assert [p.read_bytes() for p in pictures] == [b"jpeg"]
    write_sheet([], tmp_path / "sheet", META)
    assert not list((tmp_path / "sheet" / "media").glob("??/*.jpg"))
    assert (source.read_bytes(), source.stat().st_mtime_ns) == (b"jpeg", before)
