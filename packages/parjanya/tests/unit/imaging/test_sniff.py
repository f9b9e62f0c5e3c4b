"""Formats are told by content, raw files before TIFF, and what is not decoded is named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from parjanya.imaging.refusal import ImageRefused
from parjanya.imaging.sniff import Kind, looks_like_an_image, sniff, suffix_fits

sys.path.insert(0, str(Path(__file__).parents[2]))
import makers


def kind_of(data: bytes) -> tuple[str, str | None]:
    kind = sniff(data)
    return kind.format, kind.raw_kind


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_every_plain_format_is_known_by_its_content(form: str) -> None:
    assert kind_of(makers.encode(makers.scene(32, 32), form)) == (form, None)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (makers.dng(), ("RAW", "DNG")),
        (b"II*\0\x10\0\0\0CR\x02\0" + b"\0" * 32, ("RAW", "CR2")),
        (makers.cr3_skeleton(b"", b"", b""), ("RAW", "CR3")),
        (makers.raf_skeleton(makers.jpeg()), ("RAW", "RAF")),
        (makers.mrw_skeleton(b""), ("RAW", "MRW")),
        (b"IIU\0\x18\0\0\0" + b"\0" * 32, ("RAW", "RW2")),
        (b"IIRO\x08\0\0\0" + b"\0" * 32, ("RAW", "ORF")),
        (makers.heif_skeleton((0, 1)), ("HEIF", None)),
        (b"\xff\x0a" + b"\0" * 16, ("JXL", None)),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0" * 16, ("JXL", None)),
    ],
)
def test_raw_files_and_containers_are_known_by_their_content(data: bytes, expected: tuple[str, str | None]) -> None:
    assert kind_of(data) == expected


@pytest.mark.parametrize(
    ("make", "raw_kind"),
    [("NIKON CORPORATION", "NEF"), ("SONY", "ARW"), ("PENTAX Corporation", "PEF"), ("Acme", "RAW")],
)
def test_a_tiff_with_sensor_data_is_the_raw_file_of_its_maker(make: str, raw_kind: str) -> None:
    assert kind_of(makers.exif_block({0x0106: makers.short(32803), 0x010F: makers.text(make)})) == ("RAW", raw_kind)


def test_sensor_data_below_the_first_directory_makes_a_tiff_a_raw_file() -> None:
    main = {0x0106: makers.short(2), 0x010F: makers.text("NIKON"), 0x014A: makers.long(0)}
    main[0x014A] = makers.long(8 + len(makers.directory(main, 8)))
    at = 8 + len(makers.directory(main, 8))
    data = b"II*\0\x08\0\0\0" + makers.directory(main, 8) + makers.directory({0x0106: makers.short(32803)}, at)
    assert kind_of(data) == ("RAW", "NEF")


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"8BPS\0\x01", "Photoshop"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"%PDF-1.7", "PDF"),
        (b"<svg/>", "SVG"),
    ],
)
def test_a_known_format_that_is_not_decoded_is_refused_by_name(data: bytes, named: str) -> None:
    with pytest.raises(ImageRefused) as caught:
        sniff(data)
    assert caught.value.code == "unsupported_format"
    assert named in caught.value.message


@pytest.mark.parametrize("data", [b"hello, this is text", b"\0" * 64, b"BM but only by chance", b"\xff"])
def test_what_is_no_image_is_refused_as_such(data: bytes) -> None:
    with pytest.raises(ImageRefused) as caught:
        sniff(data)
    assert caught.value.code == "not_an_image"


def test_a_suffix_fits_its_format_in_any_case_and_no_suffix_fits_all() -> None:
    jpeg, dng = Kind("JPEG", "image/jpeg"), Kind("RAW", "image/x-adobe-dng", "DNG")
    assert suffix_fits(jpeg, ".JPG")
    assert suffix_fits(jpeg, "")
    assert suffix_fits(dng, ".dng")
    assert not suffix_fits(jpeg, ".heic")
    assert not suffix_fits(dng, ".tif")


def test_discovery_asks_about_content_and_not_about_names(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_bytes(makers.jpeg())
    (tmp_path / "fake.jpg").write_bytes(b"dear diary")
    assert looks_like_an_image(tmp_path / "letter.txt")
    assert not looks_like_an_image(tmp_path / "fake.jpg")
