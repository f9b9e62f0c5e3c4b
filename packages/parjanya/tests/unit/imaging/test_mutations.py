"""Whatever happens to an image's bytes, the answer is a picture or a refusal with a code of the contract."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parjanya.imaging.decode import decode
from parjanya.imaging.decoded import Decoded
from parjanya.imaging.exif import read_exif
from parjanya.imaging.limits import Limits
from parjanya.imaging.recipe import VIEW_PX
from parjanya.imaging.refusal import CODES, ImageRefused
from parjanya.imaging.sniff import sniff

sys.path.insert(0, str(Path(__file__).parents[2]))
import makers

LIMITS = Limits(max_pixels=4_000_000)


@cache
def whole(form: str) -> bytes:
    image = makers.scene(96, 64)
    block = makers.exif_block({0x010F: makers.text("Acme"), 0x0112: makers.short(6)})
    match form:
        case "DNG":
            return makers.dng(96, 64, preview=makers.jpeg(makers.scene(48, 32)))
        case "TIFF LZW":
            return makers.encode(image, "TIFF", compression="tiff_lzw")
        case "JPEG progressive":
            return makers.jpeg(image, progressive=True, exif=block)
        case "GIF" | "BMP":
            return makers.encode(image, form)
        case _:
            return makers.encode(image, form, exif=block)


def seen_or_refused(data: bytes) -> Decoded | ImageRefused:
    try:
        return decode(data, sniff(data), LIMITS)
    except ImageRefused as refused:
        return refused


def check(data: bytes) -> None:
    found = seen_or_refused(data)
    if isinstance(found, ImageRefused):
        assert found.code in CODES
        assert found.message
        return
    assert max(found.view.size) <= VIEW_PX
    assert found.view.mode == "RGB"
    read_exif(found.metadata)


@pytest.mark.parametrize(
    "form", ["JPEG", "JPEG progressive", "PNG", "WEBP", "TIFF", "TIFF LZW", "GIF", "BMP", "AVIF", "DNG"]
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damaged_bytes_never_raise_anything_but_a_refusal(form: str, data: st.DataObject) -> None:
    damaged = bytearray(whole(form))
    # Headers decide more than pixels: half of the damage goes into the first 400 bytes.
    for _ in range(data.draw(st.integers(0, 8))):
        end = data.draw(st.sampled_from([min(400, len(damaged)), len(damaged)]))
        damaged[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(0, len(damaged))) :]
    check(bytes(damaged))


@settings(max_examples=150, deadline=None)
@given(
    head=st.sampled_from(
        [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBP", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08",
         b"GIF89a", b"\0\0\0\x18ftypheic", b"\0\0\0\x18ftypavif", b"\0\0\0\x18ftypcrx ", b"FUJIFILMCCD-RAW",
         b"\0MRM", b"IIU\0", b"IIRO", b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n",
         b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"]
    ),
    body=st.binary(max_size=300),
)  # fmt: skip
def test_noise_behind_a_true_beginning_is_refused_or_seen(head: bytes, body: bytes) -> None:
    check(head + body)
