"""EXIF facts: in units, None for what cameras do not know, and never an exception."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from parjanya.imaging.decode import decode
from parjanya.imaging.exif import read_exif
from parjanya.imaging.exif_locate import locate
from parjanya.imaging.limits import DEFAULT_LIMITS
from parjanya.imaging.sniff import sniff
from parjanya.imaging.tiff import Tiff

sys.path.insert(0, str(Path(__file__).parents[2]))
import makers
from makers import long, octets, rational, short, text

MAIN = {
    0x010F: text("Acme"), 0x0110: text("Acme One "), 0x0112: short(6), 0x0131: text("fw 1.2"), 0x013B: text("Anā"),
    0x8298: text("© 2024"), 0x4746: short(4), 0x0132: text("2024:05:02 08:00:00"),
}  # fmt: skip
EXIF = {
    0x829A: rational((1, 250)), 0x829D: rational((28, 10)), 0x8827: short(400), 0x9003: text("2024:05:01 10:20:30"),
    0x9011: text("+05:30"), 0x9291: text("25"), 0x9209: short(0x19), 0x920A: rational((350, 10)), 0xA405: short(52),
    0xA431: text("SN-7"), 0xA434: text("Acme 35mm F1.8"),
}  # fmt: skip
GPS = {
    1: text("S"), 2: rational((12, 1), (30, 1), (0, 1)), 3: text("E"), 4: rational((77, 1), (15, 1), (36, 1)),
    5: octets(1), 6: rational((153, 10)), 7: rational((4, 1), (50, 1), (31, 1)), 29: text("2024:05:01"),
}  # fmt: skip

EXPECTED = {
    "make": "Acme", "model": "Acme One", "lens": "Acme 35mm F1.8", "serial": "SN-7", "orientation": 6, "iso": 400,
    "exposure_s": 0.004, "f_number": 2.8, "focal_length_mm": 35.0, "focal_length_35mm": 52, "flash_fired": True,
    "software": "fw 1.2", "artist": "Anā", "copyright": "© 2024", "rating": 4,
    "taken": {
        "local": "2024-05-01T10:20:30.250", "offset": "+05:30", "utc_ms": 1714539030250,
        "source": "exif.DateTimeOriginal",
    },
    "gps": {"lat": -12.5, "lon": 77.26, "alt_m": -15.3},
}  # fmt: skip


def facts(data: bytes) -> tuple[dict[str, Any], list[str]]:
    return read_exif(locate(data, sniff(data)))


def of(main: Any = None, exif: Any = None, gps: Any = None) -> dict[str, Any]:
    return facts(makers.jpeg_with_exif(makers.exif_block(main or {}, exif, gps)))[0]


BLOCK = makers.exif_block(MAIN, EXIF, GPS)


def png_with_old_profile() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n{len(BLOCK) + 6:8}\n" + (b"Exif\0\0" + BLOCK).hex(), zip=True)
    return makers.encode(makers.scene(), "PNG", pnginfo=info)


@pytest.mark.parametrize(
    "data",
    [
        makers.jpeg_with_exif(BLOCK),
        makers.encode(makers.scene(), "PNG", exif=BLOCK),
        png_with_old_profile(),
        makers.encode(makers.scene(), "WEBP", exif=BLOCK),
    ],
    ids=["jpeg", "png", "png text", "webp"],
)
def test_the_same_fields_are_read_from_every_container(data: bytes) -> None:
    found = decode(data, sniff(data), DEFAULT_LIMITS).metadata
    read, warnings = read_exif(found)
    assert read == EXPECTED
    assert warnings == []


def test_an_avif_without_rotation_tells_the_same_fields() -> None:
    unturned = {tag: value for tag, value in MAIN.items() if tag != 0x0112}
    data = makers.encode(makers.scene(), "AVIF", exif=makers.exif_block(unturned, EXIF, GPS))
    read, warnings = read_exif(decode(data, sniff(data), DEFAULT_LIMITS).metadata)
    assert (read, warnings) == ({**EXPECTED, "orientation": None}, [])


@pytest.mark.parametrize(
    "data",
    [makers.raf_skeleton(makers.jpeg_with_exif(BLOCK)), makers.mrw_skeleton(BLOCK)],
    ids=["raf", "mrw"],
)
def test_the_same_fields_are_found_in_raw_files(data: bytes) -> None:
    assert facts(data) == (EXPECTED, [])


def test_a_cr3_keeps_its_directories_in_boxes() -> None:
    data = makers.cr3_skeleton(makers.exif_block(MAIN), makers.exif_block(EXIF), makers.exif_block(GPS))
    assert facts(data) == (EXPECTED, [])


def test_a_panasonic_raw_keeps_its_fields_in_its_embedded_jpeg() -> None:
    embedded = makers.jpeg_with_exif(BLOCK)
    outer = makers.exif_block({0x002E: (7, len(embedded), embedded)})
    assert facts(b"IIU\0" + outer[4:]) == (EXPECTED, [])


def test_an_image_without_exif_knows_nothing() -> None:
    read, warnings = facts(makers.jpeg())
    assert set(read) == set(EXPECTED)
    assert set(read.values()) == {None}
    assert warnings == []


def test_what_cameras_write_for_unknown_is_none_and_never_a_number() -> None:
    read = of(
        {0x0110: text("   "), 0x0112: short(0)},
        {
            0x829A: rational((4294967295, 1)), 0x829D: rational((0, 10)), 0x8827: short(0), 0x920A: rational((0, 0)),
            0xA405: short(0), 0x9003: text("0000:00:00 00:00:00"), 0xA434: text("----"),
        },
    )  # fmt: skip
    assert set(read.values()) == {None}


@pytest.mark.parametrize("written", ["    :  :     :  :  ", "0000:00:00 00:00:00", ""])
def test_a_clock_that_was_never_set_is_no_damage(written: str) -> None:
    read, warnings = facts(makers.jpeg_with_exif(makers.exif_block({}, {0x9003: text(written)})))
    assert (read["taken"], warnings) == (None, [])


@pytest.mark.parametrize("written", ["2024:13:01 10:00:00", "2024:02:30 10:00:00", "yesterday", "2024:01:01 25:00:00"])
def test_a_time_that_cannot_be_is_unknown_and_a_warning(written: str) -> None:
    read, warnings = facts(makers.jpeg_with_exif(makers.exif_block({}, {0x9003: text(written)})))
    assert (read["taken"], warnings) == (None, ["exif_time_invalid"])


@pytest.mark.parametrize(
    ("offset", "kept", "utc_ms"),
    [("+05:30", "+05:30", 1714539030000), ("-03:00", "-03:00", 1714569630000), ("Z", "+00:00", 1714558830000),
     ("   :  ", None, None), ("+99:00", None, None)],
)  # fmt: skip
def test_utc_follows_from_the_offset_and_is_never_invented(offset: str, kept: str | None, utc_ms: int | None) -> None:
    read = of({}, {0x9003: EXIF[0x9003], 0x9011: text(offset)})["taken"]
    assert (read["local"], read["offset"], read["utc_ms"]) == ("2024-05-01T10:20:30", kept, utc_ms)


def test_without_an_offset_the_satellites_tell_utc() -> None:
    read = of({}, {0x9003: EXIF[0x9003]}, GPS)["taken"]
    assert (read["offset"], read["utc_ms"]) == (None, 1714539031000)


def test_a_satellite_time_of_another_day_is_not_believed() -> None:
    read = of({}, {0x9003: EXIF[0x9003]}, {**GPS, 29: text("2024:04:20")})["taken"]
    assert read["utc_ms"] is None


def test_the_best_known_time_is_named() -> None:
    assert of({}, {0x9004: text("2020:01:02 03:04:05")})["taken"]["source"] == "exif.DateTimeDigitized"
    assert of({0x0132: text("2020:01:02 03:04:05")})["taken"]["source"] == "exif.DateTime"


@pytest.mark.parametrize(("digits", "millis"), [("5", ".500"), ("05", ".050"), ("123456", ".123"), ("x", "")])
def test_sub_seconds_are_digits_behind_the_point(digits: str, millis: str) -> None:
    read = of({}, {0x9003: EXIF[0x9003], 0x9291: text(digits)})["taken"]
    assert read["local"] == "2024-05-01T10:20:30" + millis


@pytest.mark.parametrize(
    ("spec", "lens"),
    [
        (((24, 1), (70, 1), (28, 10), (28, 10)), "24-70mm f/2.8"),
        (((18, 1), (55, 1), (35, 10), (56, 10)), "18-55mm f/3.5-5.6"),
        (((35, 1), (35, 1), (18, 10), (18, 10)), "35mm f/1.8"),
        (((18, 1), (55, 1), (0, 0), (0, 0)), "18-55mm"),
        (((0, 0), (0, 0), (0, 0), (0, 0)), None),
    ],
)
def test_a_lens_without_a_name_is_told_by_its_numbers(spec: Any, lens: str | None) -> None:
    assert of({}, {0xA432: rational(*spec)})["lens"] == lens


def test_exposure_and_aperture_are_computed_where_only_apex_values_are_given() -> None:
    read = of({}, {0x9201: (10, 1, struct.pack("<ii", 8, 1)), 0x9202: rational((3, 1))})
    assert (read["exposure_s"], read["f_number"]) == (0.00390625, 2.83)


def test_a_wide_iso_is_read_where_the_narrow_one_overflows() -> None:
    assert of({}, {0x8827: short(65535), 0x8832: long(102400)})["iso"] == 102400
    assert of({}, {0x8827: short(0, 200)})["iso"] == 200


@pytest.mark.parametrize(
    "gps",
    [
        {**GPS, 2: rational((0, 1), (0, 1), (0, 1)), 4: rational((0, 1), (0, 1), (0, 1))},
        {**GPS, 2: rational((213, 1), (36, 1), (0, 1))},
        {**GPS, 2: rational((0, 0), (0, 0), (0, 0))},
    ],
)
def test_a_place_that_cannot_be_is_unknown_and_a_warning(gps: Any) -> None:
    read, warnings = facts(makers.jpeg_with_exif(makers.exif_block({}, {}, gps)))
    assert (read["gps"], warnings) == (None, ["gps_invalid"])


def test_stars_come_from_xmp_where_exif_has_none() -> None:
    packet = b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><rdf:Description xmp:Rating="-1"/></x:xmpmeta>'
    assert facts(makers.with_app1(makers.jpeg(), packet))[0]["rating"] == -1
    element = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><xmp:Rating>3</xmp:Rating></x:xmpmeta>"
    assert facts(makers.with_app1(makers.jpeg(), element))[0]["rating"] == 3


def test_a_damaged_field_costs_that_field_and_a_warning() -> None:
    block = bytearray(makers.exif_block({0x010F: text("Acme Industries"), 0x0110: text("Acme One")}))
    at = block.index(struct.pack("<HH", 0x010F, 2)) + 8
    block[at : at + 4] = struct.pack("<I", 10**6)
    read, warnings = facts(makers.jpeg_with_exif(bytes(block)))
    assert (read["make"], read["model"], warnings) == (None, "Acme One", ["exif_damaged"])


def test_a_block_that_is_no_tiff_is_a_warning() -> None:
    assert facts(makers.jpeg_with_exif(b"garbage, not TIFF"))[1] == ["exif_damaged"]


def test_directories_that_lead_in_circles_end() -> None:
    block = bytearray(makers.exif_block({0x8769: long(8)}))
    tiff = Tiff(bytes(block))
    first = tiff.first()
    assert first is not None
    assert list(first.children(0x8769)) == []
    assert len(list(tiff.chain())) == 0  # the first directory was read above; nothing is read twice


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_damage_to_the_block_raises(data: st.DataObject) -> None:
    block = bytearray(BLOCK)
    for _ in range(data.draw(st.integers(1, 12))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(block)))
    read, _ = facts(makers.jpeg_with_exif(bytes(block[:cut])))
    assert set(read) == set(EXPECTED)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_no_block_at_all_raises(block: bytes) -> None:
    for head in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0"):
        read, _ = facts(makers.jpeg_with_exif(head + block))
        assert set(read) == set(EXPECTED)


def test_an_image_with_another_orientation_tells_what_the_camera_wrote() -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    assert facts(makers.jpeg(exif=exif.tobytes()))[0]["orientation"] == 8
