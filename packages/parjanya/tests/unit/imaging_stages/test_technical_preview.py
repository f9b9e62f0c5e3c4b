"""The stages ``technical`` and ``preview``: the contract of their facts, alone and in one worker."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from parjanya.catalog.paths import path_to_key
from parjanya.imaging import previews
from parjanya.imaging.limits import DEFAULT_LIMITS
from parjanya.stages import preview, technical
from tbie.core.errors import ObjectStoreFullError
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed, Facts, Outcome, Retry, TerminalFailure
from tbie.execution import Work

sys.path.insert(0, str(Path(__file__).parents[2]))
import makers

TECHNICAL_FACTS = {
    "format", "mime", "raw_kind", "suffix_mismatch", "bytes", "sha256", "width", "height", "phash", "bit_depth",
    "frames", "has_alpha", "colour", "exif", "warnings",
}  # fmt: skip


class Shelf:
    """Objects in memory, by content."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts = 0

    def put(self, data: bytes, suffix: str) -> Address:
        self.puts += 1
        key = hashlib.sha256(data).hexdigest() + suffix
        self.objects[key] = data
        return Address("shelf", key)

    def get(self, address: Address) -> bytes:
        return self.objects[address.key]

    def has(self, address: Address) -> bool:
        return address.key in self.objects


class FullShelf(Shelf):
    def put(self, data: bytes, suffix: str) -> Address:
        raise ObjectStoreFullError("no room")


def work_on(path: Path, stage: str, facts: Mapping[str, Facts] | None = None) -> Work:
    found, key = path.stat(), path_to_key(path)
    attributes = {"path": key, "size": found.st_size, "mtime_ns": found.st_mtime_ns}
    return Work(ItemKey("t", "i"), stage, 1, "v", Address("file", key), attributes, facts or {})


def completed(outcome: Outcome) -> Facts:
    assert isinstance(outcome, Completed), outcome
    return outcome.facts


def both(path: Path, shelf: Shelf) -> tuple[Facts, Facts, Work]:
    """The facts of both stages as one worker runs them, and the last work."""
    first = work_on(path, technical.NAME)
    found = completed(technical.make_handler()(first))
    second = replace(first, stage=preview.NAME, facts={technical.NAME: found})
    assert second.scratch is first.scratch
    return found, completed(preview.make_handler(shelf)(second)), second


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    exif = makers.exif_block({0x0112: makers.short(6), 0x010F: makers.text("Acme")})
    path.write_bytes(makers.jpeg_with_exif(exif, makers.scene(2600, 1700)))
    return path


def test_the_technical_facts_keep_the_contract(photo: Path) -> None:
    facts = completed(technical.make_handler()(work_on(photo, technical.NAME)))
    assert set(facts) == TECHNICAL_FACTS
    assert json.loads(json.dumps(facts)) == facts
    data = photo.read_bytes()
    expected: dict[str, object] = {
        "format": "JPEG", "mime": "image/jpeg", "raw_kind": None, "suffix_mismatch": False, "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(), "width": 1700, "height": 2600, "bit_depth": 8, "frames": 1,
        "has_alpha": False, "colour": {"mode": "RGB", "icc": None}, "warnings": [],
    }  # fmt: skip
    assert {name: facts[name] for name in expected} == expected
    assert isinstance(facts["exif"], dict)
    assert facts["exif"]["make"] == "Acme"


def test_the_previews_are_upright_jpegs_of_the_promised_sizes(photo: Path) -> None:
    shelf = Shelf()
    _, facts, work = both(photo, shelf)
    assert set(facts) == {"large", "thumb", "recipe", "source"}
    for name, size in (("large", (1339, 2048)), ("thumb", (209, 320))):
        told = facts[name]
        assert isinstance(told, dict)
        data = shelf.get(Address(told["bucket"], told["key"]))
        assert (told["width"], told["height"], told["bytes"]) == (*size, len(data))
        assert work.scratch[f"preview.{name}"] == data
        with Image.open(io.BytesIO(data)) as image:
            assert (image.format, image.size, image.mode) == ("JPEG", size, "RGB")
            assert image.getexif().get(0x0112) is None
    assert facts["source"] == "decoded"


def test_a_replayed_preview_is_the_same_to_the_byte(photo: Path) -> None:
    shelf = Shelf()
    first, facts, _ = both(photo, shelf)
    stored = dict(shelf.objects)
    alone = work_on(photo, preview.NAME, {technical.NAME: first})
    assert completed(preview.make_handler(shelf)(alone)) == facts
    assert shelf.objects == stored
    assert shelf.puts == 4


def test_a_replayed_preview_of_other_bytes_is_refused(photo: Path) -> None:
    first, _, _ = both(photo, Shelf())
    found = photo.stat()
    data = bytearray(photo.read_bytes())
    data[-1000] ^= 0x01
    photo.write_bytes(bytes(data))
    os.utime(photo, ns=(found.st_atime_ns, found.st_mtime_ns))  # only the content tells
    outcome = preview.make_handler(Shelf())(work_on(photo, preview.NAME, {technical.NAME: first}))
    assert isinstance(outcome, TerminalFailure)
    assert (outcome.reason, outcome.retriable) == ("source_changed", True)


def test_a_picture_left_by_another_item_is_not_used(photo: Path, tmp_path: Path) -> None:
    shelf = Shelf()
    first, facts, _ = both(photo, shelf)
    other = tmp_path / "other.png"
    other.write_bytes(makers.encode(makers.scene(50, 50), "PNG"))
    stale = work_on(other, technical.NAME)
    completed(technical.make_handler()(stale))
    mixed = replace(work_on(photo, preview.NAME, {technical.NAME: first}), scratch=stale.scratch)
    assert completed(preview.make_handler(shelf)(mixed)) == facts


def test_a_small_image_is_not_enlarged(tmp_path: Path) -> None:
    path = tmp_path / "small.png"
    path.write_bytes(makers.encode(makers.scene(40, 30), "PNG"))
    _, facts, _ = both(path, Shelf())
    for name in ("large", "thumb"):
        told = facts[name]
        assert isinstance(told, dict)
        assert (told["width"], told["height"]) == (40, 30)


def test_a_wrong_suffix_is_a_warning_and_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "really a jpeg.heic"
    path.write_bytes(makers.jpeg())
    facts = completed(technical.make_handler()(work_on(path, technical.NAME)))
    assert (facts["format"], facts["suffix_mismatch"], facts["warnings"]) == ("JPEG", True, ["suffix_mismatch"])


def test_a_name_that_is_not_text_reaches_its_file(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9 100%.jpg")
    path.write_bytes(makers.jpeg())
    work = work_on(path, technical.NAME)
    assert "%E9" in work.address.key
    completed(technical.make_handler()(work))


def test_a_refusal_carries_its_code_message_and_evidence(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(makers.png_bomb_pixels())
    outcome = technical.make_handler()(work_on(path, technical.NAME))
    assert isinstance(outcome, TerminalFailure)
    assert (outcome.reason, outcome.retriable) == ("too_many_pixels", False)
    assert outcome.evidence["width"] == 30_000
    assert "30000 x 30000" in str(outcome.evidence["message"])


def test_the_limits_of_the_profile_are_used(photo: Path) -> None:
    tight = replace(DEFAULT_LIMITS, max_file_bytes=1000)
    outcome = technical.make_handler(tight)(work_on(photo, technical.NAME))
    assert isinstance(outcome, TerminalFailure)
    assert outcome.reason == "too_large"


def test_a_full_disk_is_tried_again(photo: Path) -> None:
    first, _, _ = both(photo, Shelf())
    outcome = preview.make_handler(FullShelf())(work_on(photo, preview.NAME, {technical.NAME: first}))
    assert isinstance(outcome, Retry)
    assert outcome.reason == "object_store_full"


def test_a_raw_file_tells_its_kind_and_where_the_preview_came_from(tmp_path: Path) -> None:
    path = tmp_path / "a.dng"
    path.write_bytes(makers.dng(300, 200))
    first, facts, _ = both(path, Shelf())
    assert (first["format"], first["raw_kind"], facts["source"]) == ("RAW", "DNG", "demosaic")


def test_versions_change_with_what_changes_the_answer() -> None:
    assert technical.VERSION != preview.VERSION
    assert ":" in technical.VERSION
    assert "hamming" in str(previews.RECIPE)
