"""The scene of an image is told whether or not the image is in a group."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parjanya.export.csv import write_csv
from parjanya.export.record import ImageRecord
from parjanya.views.records import scene_of
from parjanya.vision.scenes import UNKNOWN

FACTS: dict[str, Any] = {
    "group": None,
    "kind": "alone",
    "scene": "scene:a",
    "scene_size": 4,
    "scene_rank": 2,
    "in_scene": {"sharpness": {"place": 0.5, "median": 0.4}},
}


def test_an_image_without_a_group_has_its_scene() -> None:
    assert scene_of(FACTS) == {"name": "scene:a", "size": 4, "rank": 2, "in_scene": FACTS["in_scene"]}


@pytest.mark.parametrize("facts", [{}, {"group": "burst:a"}, {"group": None, **UNKNOWN}])
def test_an_unknown_scene_is_unknown_and_not_a_scene_of_one(facts: dict[str, Any]) -> None:
    assert scene_of(facts) is None


def test_csv_and_json_tell_the_scene(record: ImageRecord, tmp_path: Path) -> None:
    seen = replace(record, scene=scene_of(FACTS))
    assert seen.to_json()["scene"] == scene_of(FACTS)
    write_csv([seen, record], tmp_path / "images.csv")
    rows = list(csv.DictReader((tmp_path / "images.csv").read_text("utf-8-sig").splitlines()))
    assert [(row["scene"], row["scene_size"], row["scene_rank"]) for row in rows] == [
        ("scene:a", "4", "2"),
        ("", "", ""),
    ]
