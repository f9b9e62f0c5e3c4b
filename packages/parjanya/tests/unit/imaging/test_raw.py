"""Raw files: the camera's own preview where it is large enough, the sensor's data otherwise, upright once."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from parjanya.imaging.decode import decode
from parjanya.imaging.decoded import Decoded
from parjanya.imaging.limits import DEFAULT_LIMITS
from parjanya.imaging.refusal import ImageRefused
from parjanya.imaging.sniff import sniff

sys.path.insert(0, str(Path(__file__).parents[2]))
import makers


def seen(data: bytes) -> Decoded:
    return decode(data, sniff(data), DEFAULT_LIMITS)


def corner_brightness(view: Image.Image) -> dict[str, float]:
    """Mean level of the four corners; the scene is brightest at the top left."""
    grey = np.asarray(view.convert("L")).astype(float)
    h, w = grey.shape[0] // 6, grey.shape[1] // 6
    return {
        "top left": grey[:h, :w].mean(),
        "top right": grey[:h, -w:].mean(),
        "bottom left": grey[-h:, :w].mean(),
        "bottom right": grey[-h:, -w:].mean(),
    }


def test_the_thumbnail_in_front_is_not_mistaken_for_the_photograph() -> None:
    found = seen(makers.dng(300, 200, thumbnail=(24, 16)))
    assert (found.width, found.height, found.origin) == (300, 200, "demosaic")
    assert found.view.size == (300, 200)
    assert found.bit_depth == 16


def test_a_large_embedded_preview_is_taken() -> None:
    found = seen(makers.dng(2600, 1734, preview=makers.jpeg(makers.scene(2600, 1734))))
    assert found.origin == "embedded"
    assert found.view.size == (2048, 1366)
    assert (found.width, found.height) == (2600, 1734)


def test_a_small_embedded_preview_is_not_enough() -> None:
    found = seen(makers.dng(1200, 800, preview=makers.jpeg(makers.scene(640, 427))))
    assert (found.origin, found.view.size) == ("demosaic", (1200, 800))


def test_sensor_data_twice_as_wide_as_the_view_is_read_at_half_size() -> None:
    found = seen(makers.dng(4200, 400))
    assert (found.width, found.view.width, found.origin) == (4200, 2048, "demosaic")


@pytest.mark.parametrize(
    ("orientation", "brightest", "portrait"),
    [(1, "top left", False), (3, "bottom right", False), (6, "top right", True), (8, "bottom left", True)],
)
@pytest.mark.parametrize("embedded", [False, True])
def test_a_turned_camera_gives_an_upright_picture(
    orientation: int, brightest: str, portrait: bool, embedded: bool
) -> None:
    preview = makers.jpeg(makers.scene(900, 600)) if embedded else None
    found = seen(makers.dng(900, 600, orientation=orientation, preview=preview))
    assert found.origin == ("embedded" if embedded else "demosaic")
    assert (found.width, found.height) == ((600, 900) if portrait else (900, 600))
    assert found.view.size == (found.width, found.height)
    corners = corner_brightness(found.view)
    assert max(corners, key=lambda name: corners[name]) == brightest


def test_a_preview_that_the_camera_has_turned_is_not_turned_again() -> None:
    upright = makers.scene(600, 900)
    found = seen(makers.dng(900, 600, orientation=6, preview=makers.jpeg(upright)))
    assert found.view.size == (600, 900)
    corners = corner_brightness(found.view)
    assert max(corners, key=lambda name: corners[name]) == "top left"


def test_a_raw_file_cut_short_is_seen_through_its_preview_and_says_so() -> None:
    data = makers.dng(1200, 800, preview=makers.jpeg(makers.scene(1200, 800)))
    found = seen(data[:-200_000])
    assert found.origin == "embedded"
    assert "raw_data_truncated" in found.warnings


def test_a_raw_file_cut_short_without_a_usable_preview_is_refused() -> None:
    data = makers.dng(1200, 800, preview=makers.jpeg(makers.scene(160, 107)))
    with pytest.raises(ImageRefused) as caught:
        seen(data[:-1_000_000])
    assert caught.value.code in ("truncated", "corrupt")


def test_a_middling_preview_stands_in_for_sensor_data_that_is_gone() -> None:
    data = makers.dng(1200, 800, preview=makers.jpeg(makers.scene(800, 533)))
    found = seen(data[:-1_000_000])
    assert (found.origin, found.view.size) == ("embedded", (800, 533))
    assert "raw_data_truncated" in found.warnings


def test_a_damaged_preview_gives_way_to_the_sensor_data() -> None:
    preview = makers.jpeg(makers.scene(1200, 800))
    data = makers.dng(1200, 800, preview=preview)
    end = data.index(preview) + len(preview)
    half = len(preview) // 2
    found = seen(data[: end - half] + bytes(half) + data[end:])  # the second half was never written
    assert found.origin == "demosaic"
    assert "embedded_preview_unreadable" in found.warnings


@pytest.mark.parametrize(
    "data",
    [
        makers.cr3_skeleton(b"", b"", b""),
        makers.raf_skeleton(b""),
        makers.mrw_skeleton(b""),
        b"IIU\0\x18\0\0\0" + bytes(64),
        b"IIRO\x08\0\0\0" + bytes(64),
        b"II*\0\x10\0\0\0CR\x02\0" + bytes(64),
        makers.exif_block({0x0106: makers.short(32803), 0x010F: makers.text("NIKON")}),
    ],
)
def test_a_raw_file_with_nothing_in_it_is_refused(data: bytes) -> None:
    with pytest.raises(ImageRefused) as caught:
        seen(data)
    assert caught.value.code in ("truncated", "corrupt", "unsupported_format")
