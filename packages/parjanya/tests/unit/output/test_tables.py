"""CSV and JSON: whole files, readable by strangers, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parjanya.export.csv import COLUMNS, FORMULA_STARTS, write_csv
from parjanya.export.json import write_json
from parjanya.export.record import Failure, ImageRecord

CONTRACT = (
    *("id", "tenant", "path", "sha256", "status", "verdict", "reasons", "medium", "scores", "group"),
    *("policy_version", "versions"),
)


def read(target: Path) -> list[dict[str, str]]:
    with target.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_json_of_an_image_starts_with_the_keys_of_the_contract(record: ImageRecord) -> None:
    assert tuple(record.to_json())[: len(CONTRACT)] == CONTRACT


def test_json_holds_every_record_and_their_number(record: ImageRecord, tmp_path: Path) -> None:
    count = write_json([record, replace(record, id="img-2")], tmp_path / "out.json", {"engine": "classical"})
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert (count, document["count"], document["meta"]) == (2, 2, {"engine": "classical"})
    assert document["images"][0] == json.loads(json.dumps(record.to_json()))


def test_json_of_nothing_is_still_a_document(tmp_path: Path) -> None:
    write_json([], tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_bytes())["images"] == []


def test_csv_has_one_row_per_image_and_empty_cells_for_the_unknown(record: ImageRecord, tmp_path: Path) -> None:
    failed = Failure("technical", "truncated", "ends, early", retriable=False)
    write_csv([record, replace(record, verdict=None, rating=None, failure=failed)], tmp_path / "out.csv")
    first, second = read(tmp_path / "out.csv")
    assert tuple(first) == COLUMNS
    assert (first["rating"], first["reasons"], first["sharpness"], first["iso"]) == ("-1", "blur.severe", "0.08", "")
    assert (second["verdict"], second["failure_message"], second["failure_retriable"]) == ("", "ends, early", "false")


def test_excel_sees_utf8(record: ImageRecord, tmp_path: Path) -> None:
    write_csv([replace(record, path="Küste.jpg")], tmp_path / "out.csv")
    content = (tmp_path / "out.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfid,")
    assert content.endswith(b"\r\n")
    assert content.count(b"\xef\xbb\xbf") == 1


ANY_NAME = st.text(st.characters(), min_size=1, max_size=30) | st.sampled_from(
    [f"{c}cmd|' /C calc'!A0" for c in "=+-@\t\r"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=ANY_NAME)
def test_no_name_becomes_a_formula_or_breaks_the_table(record: ImageRecord, tmp_path: Path, name: str) -> None:
    write_csv([replace(record, path=name, camera=name), record], tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    assert [len(row) for row in rows] == [len(COLUMNS)] * 3
    assert not rows[1][COLUMNS.index("path")].startswith(FORMULA_STARTS)
    assert rows[2][COLUMNS.index("path")] == record.path


@pytest.mark.parametrize("write", [write_csv, write_json])
def test_an_export_that_breaks_off_leaves_the_old_file(record: ImageRecord, tmp_path: Path, write: object) -> None:
    target = tmp_path / "folder" / "out"
    target.parent.mkdir()
    target.write_text("old")

    def broken() -> Iterator[ImageRecord]:
        yield record
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk is gone"):
        write(broken(), target)  # type: ignore[operator]
    assert target.read_text() == "old"
    assert [p.name for p in target.parent.iterdir()] == ["out"]


def test_nan_is_refused_instead_of_written(record: ImageRecord, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json([replace(record, scores={"noise": float("nan")})], tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()
