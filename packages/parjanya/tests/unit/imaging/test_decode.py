"""Decoding: upright once, in sRGB, on white, never enlarged; damage and bombs are refused with their true code."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from parjanya.imaging.decode import decode
from parjanya.imaging.decoded import Decoded
from parjanya.imaging.limits import DEFAULT_LIMITS, Limits
from parjanya.imaging.recipe import VIEW_PX
from parjanya.imaging.refusal import ImageRefused
from parjanya.imaging.sniff import sniff

sys.path.insert(0, str(Path(__file__).parents[2]))
import makers

LOSSLESS = ("PNG", "TIFF", "BMP")
EVERY_FORMAT = (*LOSSLESS, "JPEG", "WEBP", "GIF", "AVIF")


def seen(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Decoded:
    return decode(data, sniff(data), limits)


def code(data: bytes, limits: Limits = DEFAULT_LIMITS) -> str:
    with pytest.raises(ImageRefused) as caught:
        seen(data, limits)
    return caught.value.code


def pixels(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.asarray(image).astype(np.int32)


def apart(one: Image.Image, other: Image.Image) -> float:
    """Mean difference in levels."""
    assert one.size == other.size
    return float(np.abs(pixels(one) - pixels(other)).mean())


@pytest.mark.parametrize("form", LOSSLESS)
def test_a_small_lossless_image_is_seen_pixel_for_pixel(form: str) -> None:
    image = makers.scene(61, 43)
    assert apart(seen(makers.encode(image, form)).view, image) == 0


@pytest.mark.parametrize("form", EVERY_FORMAT)
def test_every_format_keeps_its_size_and_looks_like_itself(form: str) -> None:
    image = makers.scene(320, 200)
    found = seen(makers.encode(image, form))
    assert (found.width, found.height, found.view.mode) == (320, 200, "RGB")
    assert apart(found.view, image) < 12


@pytest.mark.parametrize(("form", "size"), [("JPEG", (4500, 3000)), ("PNG", (2700, 1800)), ("WEBP", (2700, 1800))])
def test_a_large_image_is_seen_at_2048_and_keeps_its_real_size_in_the_facts(form: str, size: tuple[int, int]) -> None:
    image = makers.scene(*size)
    options: dict[str, dict[str, Any]] = {"JPEG": {}, "PNG": {"compress_level": 1}, "WEBP": {"method": 0}}
    found = seen(makers.encode(image, form, **options[form]))
    assert (found.width, found.height) == size
    assert found.view.size == (VIEW_PX, 1365)
    assert apart(found.view, image.resize((VIEW_PX, 1365), Image.Resampling.LANCZOS)) < 5


@pytest.mark.parametrize("size", [(1, 1), (2049, 2), (9000, 1), (1, 9000), (2048, 2048), (4095, 2047)])
def test_every_shape_gives_a_view_of_at_most_2048_and_at_least_one_pixel(size: tuple[int, int]) -> None:
    for form in ("JPEG", "PNG"):
        view = seen(makers.encode(Image.new("RGB", size, "teal"), form)).view
        assert max(view.size) == min(VIEW_PX, max(size))
        assert min(view.size) >= 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_orientation_is_applied_exactly_once(form: str, orientation: int) -> None:
    upright = makers.scene(160, 100)
    stored = upright.transpose(_UNDO[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = seen(makers.encode(stored, form, exif=exif.tobytes()))
    assert (found.width, found.height) == (160, 100)
    assert apart(found.view, upright) < 8


_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_a_warning(value: int) -> None:
    found = seen(makers.jpeg_with_exif(makers.exif_block({0x0112: makers.short(value)})))
    assert "orientation_invalid" in found.warnings
    assert (found.width, found.height) == (320, 200)


def test_sixteen_bit_grey_keeps_its_scale() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    for data in (makers.png16_grey(ramp), makers.encode(Image.fromarray(ramp), "TIFF")):
        found = seen(data)
        assert found.bit_depth == 16
        assert np.abs(pixels(found.view)[:, :, 0] - (ramp >> 8)).max() <= 1


def test_a_dark_sixteen_bit_image_stays_dark() -> None:
    found = seen(makers.png16_grey(np.full((8, 8), 600, np.uint16)))
    assert pixels(found.view).max() == 2


def test_floats_between_zero_and_one_keep_their_scale() -> None:
    found = seen(makers.float_tiff(np.full((8, 8), 0.5, np.float32)))
    assert abs(int(pixels(found.view)[0, 0, 0]) - 128) <= 1
    assert found.warnings == ()


def test_floats_of_another_scale_are_stretched_and_say_so() -> None:
    samples = np.linspace(-40, 900, 400, dtype=np.float32).reshape(20, 20)
    samples[0, 0] = np.nan
    found = seen(makers.float_tiff(samples))
    assert "range_stretched" in found.warnings
    assert pixels(found.view).max() == 255


def test_an_image_without_a_single_number_is_black_and_says_so() -> None:
    found = seen(makers.float_tiff(np.full((8, 8), np.nan, np.float32)))
    assert found.warnings == ("no_finite_samples",)
    assert pixels(found.view).max() == 0


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_laid_on_white(form: str) -> None:
    image = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 20, 40))
    found = seen(makers.encode(image, form, **({"lossless": True} if form == "WEBP" else {})))
    assert found.has_alpha
    assert found.view.getpixel((30, 20)) == (255, 255, 255)
    assert found.view.getpixel((5, 20)) == (0, 0, 255)


def test_a_transparent_palette_colour_is_laid_on_white() -> None:
    image = Image.new("P", (20, 20), 1)
    image.putpalette([0, 0, 0, 200, 10, 10])
    image.paste(0, (0, 0, 10, 20))
    for form in ("PNG", "GIF"):
        found = seen(makers.encode(image, form, transparency=0))
        assert found.has_alpha
        assert found.view.getpixel((2, 2)) == (255, 255, 255)
        assert found.view.getpixel((15, 2)) == (200, 10, 10)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "CMYK", "YCbCr", "LAB", "I;16", "I"])
def test_every_colour_model_becomes_rgb(mode: str) -> None:
    image = makers.scene(64, 48).convert("L" if mode in ("I;16", "I") else "RGB")
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB") or image
    elif mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    elif mode == "I":
        image = Image.fromarray(np.asarray(image).astype(np.int32) * 257)
    else:
        image = image.convert(mode)
    found = seen(makers.encode(image, "TIFF"))
    assert found.view.mode == "RGB"
    if mode not in ("1", "P"):
        assert apart(found.view, makers.scene(64, 48).convert("L").convert("RGB")) < 40
    assert float(pixels(found.view).std()) > 15


def test_a_cmyk_jpeg_is_not_inverted() -> None:
    found = seen(makers.encode(Image.new("RGB", (32, 32), (250, 40, 40)).convert("CMYK"), "JPEG"))
    red, green, blue = (int(v) for v in pixels(found.view)[16, 16])
    assert red > 200
    assert max(green, blue) < 90
    assert found.mode == "CMYK"


def test_a_foreign_profile_is_converted_and_an_srgb_one_changes_nothing() -> None:
    image = makers.scene(80, 60)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    wide = swap_red_and_green(srgb)
    same, other = (seen(makers.encode(image, "PNG", icc_profile=p)) for p in (srgb, wide))
    assert apart(same.view, image) == 0
    assert same.icc == "sRGB built-in"
    red, green, blue = image.split()
    assert apart(other.view, Image.merge("RGB", (green, red, blue))) < 1.5
    assert not other.warnings


def swap_red_and_green(profile: bytes) -> bytes:
    """A valid profile of another space: the red and green primaries change places."""
    at = {profile[o : o + 4]: o for o in range(132, 132 + 12 * profile[131], 12)}
    red, green = at[b"rXYZ"], at[b"gXYZ"]
    out = bytearray(profile)
    out[red + 4 : red + 12], out[green + 4 : green + 12] = profile[green + 4 : green + 12], profile[red + 4 : red + 12]
    return bytes(out)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_broken_profile_is_a_warning(form: str) -> None:
    found = seen(makers.encode(makers.scene(64, 48), form, icc_profile=b"not a profile at all" * 20))
    assert found.warnings == ("colour_profile_broken",)


def test_a_grey_image_with_an_rgb_profile_is_still_seen() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    grey = makers.scene(64, 48).convert("L")
    found = seen(makers.encode(grey, "JPEG", quality=95, icc_profile=srgb))
    assert apart(found.view, grey.convert("RGB")) < 4


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_of_an_animation_the_first_frame_is_seen_and_the_frames_are_counted(form: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    data = makers.encode(frames[0], form, save_all=True, append_images=frames[1:])
    found = seen(data)
    assert found.frames == 3
    red, green, blue = (int(v) for v in pixels(found.view)[16, 16])
    assert red > 220
    assert max(green, blue) < 30


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_file_that_was_cut_short_is_refused(form: str, share: float) -> None:
    options = {"compression": "tiff_lzw"} if form == "TIFF" else {}
    data = makers.encode(makers.scene(320, 200), form, **options)
    assert code(data[: int(len(data) * share)]) in ("truncated", "corrupt")


def test_a_jpeg_and_a_png_that_were_cut_short_say_truncated() -> None:
    for data in (makers.jpeg(), makers.encode(makers.scene(), "PNG")):
        assert code(data[:-2000]) == "truncated"
        assert code(data[: len(data) // 2]) == "truncated"


def test_bytes_behind_the_image_do_no_harm() -> None:
    motion_photo = makers.jpeg() + np.random.default_rng(3).bytes(20_000_000)
    assert seen(motion_photo).width == 320


def test_a_heif_whose_item_lies_beyond_its_end_is_truncated() -> None:
    whole = makers.heif_skeleton((130, 16))
    assert code(makers.heif_skeleton((100, 10_000))) == "truncated"
    assert code(whole[:-8]) == "truncated"
    assert code(whole) != "truncated"  # everything is there; it is just no picture


def test_a_heif_item_whose_type_is_not_text_is_refused_before_the_binding_crashes_on_it() -> None:
    with pytest.raises(ImageRefused, match="not text") as caught:
        seen(makers.heif_skeleton((100, 16), content_type=b"appl\x80cation/rdf+xml"))
    assert caught.value.code == "corrupt"


def test_a_flipped_bit_in_a_png_is_found_by_its_checksum() -> None:
    data = bytearray(makers.encode(makers.scene(), "PNG"))
    data[len(data) // 2] ^= 1
    assert code(bytes(data)) == "corrupt"


@pytest.mark.parametrize(
    ("bomb", "expected"),
    [
        (makers.png_bomb_pixels, "too_many_pixels"),
        (makers.png_bomb_text, "metadata_bomb"),
        (makers.png_bomb_profile, "metadata_bomb"),
        (lambda: makers.jpeg_bomb_scans(300), "scan_bomb"),
        (lambda: makers.gif_frames(10_001), "too_many_frames"),
        (lambda: makers.tiff_bomb_pages(10_001), "too_many_frames"),
    ],
)
def test_a_bomb_is_refused_by_its_kind(bomb: Callable[[], bytes], expected: str) -> None:
    assert code(bomb()) == expected


def test_the_limit_of_metadata_is_the_one_that_is_set() -> None:
    for bomb in (makers.png_bomb_text, makers.png_bomb_profile):
        assert seen(bomb(2 << 20)).width == 1
        assert code(bomb(2 << 20), replace(DEFAULT_LIMITS, max_metadata_bytes=1 << 20)) == "metadata_bomb"


def test_pages_that_follow_each_other_in_a_circle_are_counted_once() -> None:
    assert seen(makers.tiff_bomb_pages(5, circle=True)).frames == 6


def test_passes_are_bounded_by_the_pixels_they_go_over() -> None:
    limits = replace(DEFAULT_LIMITS, max_scan_pixels=64 * 64 * 20)
    assert seen(makers.jpeg_bomb_scans(15, 64, 64), DEFAULT_LIMITS).width == 64
    assert seen(makers.jpeg_bomb_scans(5, 64, 64), limits).width == 64
    assert code(makers.jpeg_bomb_scans(30, 64, 64), limits) == "scan_bomb"


@pytest.mark.parametrize("form", EVERY_FORMAT)
def test_the_pixel_limit_holds_for_every_format(form: str) -> None:
    limits = replace(DEFAULT_LIMITS, max_pixels=320 * 200 - 1)
    assert code(makers.encode(makers.scene(320, 200), form), limits) == "too_many_pixels"
    assert seen(makers.encode(makers.scene(319, 200), form), limits).width == 319


def test_jpeg_xl_names_the_extra_that_decodes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(ImageRefused) as caught:
        seen(b"\xff\x0a" + bytes(40))
    assert caught.value.code == "unsupported_format"
    assert "parjanya[jxl]" in caught.value.message


def test_jpeg_xl_is_decoded_with_the_extra() -> None:
    codecs = pytest.importorskip("imagecodecs", reason="the extra jxl is not installed")
    image = makers.scene(300, 180)
    data = codecs.jpegxl_encode(np.asarray(image), lossless=True)
    found = seen(bytes(data))
    assert (found.width, found.height) == (300, 180)
    assert apart(found.view, image) == 0
    assert code(bytes(data), replace(DEFAULT_LIMITS, max_pixels=300 * 180 - 1)) == "too_many_pixels"
    assert code(bytes(data)[: len(data) // 2]) in ("truncated", "corrupt")


def test_the_same_bytes_give_the_same_pixels() -> None:
    data = makers.jpeg(makers.scene(2600, 1700))
    assert seen(data).view.tobytes() == seen(data).view.tobytes()


def test_an_image_of_another_plugin_is_not_opened_by_a_misleading_header() -> None:
    hidden = io.BytesIO(b"\x89PNG" + makers.jpeg()).getvalue()
    assert code(hidden) == "corrupt"


def test_a_baseline_jpeg_whose_components_come_in_scans_of_their_own_is_bounded_too() -> None:
    data = makers.jpeg_bomb_separate_scans(300)
    assert code(data) == "scan_bomb"
    assert seen(makers.jpeg_bomb_separate_scans(0)).width == 64


def test_scan_markers_in_a_video_behind_the_image_are_not_counted() -> None:
    progressive = makers.jpeg(progressive=True)
    assert seen(progressive + b"\xff\xda\x00\x08" * 5000).width == 320
