"""Technical signals: what they promise across contents, and what they refuse to invent."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from parjanya.imaging.quality import measure
from parjanya.imaging.recipe import LOOK_PX
from parjanya.stages import quality
from parjanya.vision.sight import look
from tbie.core.outcome import Completed, TerminalFailure

sys.path.insert(0, str(Path(__file__).parent))
from judge_pictures import Shelf, data_folder, jpeg, noisy, scene, work_on

BLURS_PX = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
SHARP_FROM = 0.29  # separates sharp from sigma 2 on everything below, made or photographed


def signals(image: Image.Image) -> dict[str, Any]:
    sight = look(jpeg(image))
    return measure(sight.rgb, sight.grey)


def blurred(image: Image.Image, sigma_px: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(sigma_px)) if sigma_px else image


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**16), shape=st.sampled_from([(640, 448), (448, 640), (1100, 500), (300, 300)]))
def test_every_further_blur_lowers_the_sharpness_of_any_made_scene(seed: int, shape: tuple[int, int]) -> None:
    image = scene(seed, shape)
    measured = [signals(blurred(image, s))["sharpness"] for s in BLURS_PX]
    assert all(a > b for a, b in pairwise(measured)), measured


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_one_threshold_separates_sharp_from_blurred_whatever_the_content(seed: int) -> None:
    image = scene(seed)
    assert signals(blurred(image, 2))["sharpness"] < SHARP_FROM < signals(image)["sharpness"]


@pytest.mark.timeout(240)
def test_every_further_blur_lowers_the_sharpness_of_each_real_photograph_and_one_threshold_serves_all() -> None:
    wrong = []
    for path in sorted((data_folder() / "photo").glob("*.png")):
        image = Image.open(path).convert("RGB")
        measured = [signals(blurred(image, s))["sharpness"] for s in BLURS_PX]
        falls = all(a > b for a, b in pairwise(measured))
        if not (falls and measured[4] < SHARP_FROM < measured[0]):
            wrong.append((path.name, measured))
    assert not wrong


@pytest.mark.parametrize("seed", range(4))
def test_noise_does_not_make_a_blurred_image_sharp(seed: int) -> None:
    soft = blurred(scene(seed), 2)
    assert signals(noisy(soft, 8))["sharpness"] < SHARP_FROM


def test_a_sharp_subject_before_a_soft_background_keeps_its_subject_sharpness() -> None:
    sharp = scene(3, (1024, 768))
    soft = blurred(sharp, 5)
    soft.paste(sharp.crop((384, 256, 704, 576)), (384, 256))
    whole = signals(blurred(sharp, 5))
    subject = signals(soft)
    assert subject["subject_sharpness"] > 0.4 > SHARP_FROM > whole["subject_sharpness"]


def moved(image: Image.Image, length_px: int, degrees: float) -> Image.Image:
    """*image* as a camera sees it that moves by *length_px* while the shutter is open."""
    across, down = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    steps = np.linspace(-length_px / 2, length_px / 2, length_px + 1)
    seen = [
        image.transform(
            image.size, Image.Transform.AFFINE, (1, 0, t * across, 0, 1, t * down), Image.Resampling.BILINEAR
        )
        for t in steps
    ]
    mean = np.mean([np.asarray(s, np.float32) for s in seen], axis=0).astype(np.uint8)
    return Image.fromarray(mean).crop((length_px, length_px, image.width - length_px, image.height - length_px))


@pytest.mark.parametrize("degrees", [0, 30, 45, 70, 90])
def test_movement_along_any_line_makes_sharpness_uneven_and_a_sharp_image_is_even(degrees: float) -> None:
    image = scene(int(degrees), (560, 400))
    assert signals(moved(image, 10, degrees))["sharpness_evenness"] < 0.65 < signals(image)["sharpness_evenness"]


@pytest.mark.timeout(180)
def test_of_real_photographs_movement_separates_cleanly_at_one_threshold() -> None:
    still, shaken = [], []
    for path in sorted((data_folder() / "photo").glob("*.png"))[::8]:
        image = Image.open(path).convert("RGB")
        still.append(signals(image)["sharpness_evenness"])
        shaken += [signals(moved(image, 8, degrees))["sharpness_evenness"] for degrees in (0, 25)]
    assert min(still) > 0.65 > max(shaken)


@pytest.mark.parametrize("size", [(40, 400), (64, 64), (1024, 20)])
def test_evenness_of_what_is_too_small_or_blank_is_unknown(size: tuple[int, int]) -> None:
    assert signals(Image.new("RGB", size, (90, 90, 90)))["sharpness_evenness"] is None


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_the_noise_estimate_grows_with_added_noise(seed: int) -> None:
    image = scene(seed, noise=0.5)
    measured = [signals(noisy(image, sigma))["noise"] for sigma in (0, 3, 8, 15)]
    assert measured == sorted(measured)
    assert len(set(measured)) == 4


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**16), factor=st.floats(1.1, 1.6))
def test_a_brighter_image_has_a_higher_exposure(seed: int, factor: float) -> None:
    image = scene(seed)
    before, after = signals(image)["exposure"], signals(ImageEnhance.Brightness(image).enhance(factor))["exposure"]
    assert all(after[k] >= before[k] for k in before)
    assert after["mean"] > before["mean"]


def test_clipping_is_the_share_of_the_area_without_detail() -> None:
    pixels = np.full((400, 400), 128, np.uint8)
    pixels[:100] = 255
    pixels[300:340] = 0
    measured = signals(Image.fromarray(pixels))
    assert measured["clipped_highlights"] == pytest.approx(0.25, abs=0.01)
    assert measured["clipped_shadows"] == pytest.approx(0.10, abs=0.01)


def test_a_blank_frame_has_unknown_sharpness_not_zero() -> None:
    measured = signals(Image.new("RGB", (512, 512), (90, 90, 90)))
    assert measured["sharpness"] is None
    assert measured["subject_sharpness"] is None
    assert measured["noise"] == 0.0
    assert measured["entropy_bits"] == 0.0


def test_a_black_frame_has_unknown_noise_because_clipping_hides_it() -> None:
    assert signals(Image.new("RGB", (512, 512)))["noise"] is None


@pytest.mark.parametrize("size", [(1, 1), (31, 400), (5, 3000)])
def test_an_image_too_small_to_judge_says_unknown_and_does_not_break(size: tuple[int, int]) -> None:
    measured = signals(Image.new("RGB", size, (10, 200, 90)))
    assert measured["sharpness"] is None
    assert measured["exposure"]["mean"] > 0


def test_a_grey_image_has_no_colour_and_a_vivid_one_has() -> None:
    assert signals(scene(1).convert("L"))["colourfulness"] < 2
    assert signals(ImageEnhance.Color(scene(1)).enhance(2.0))["colourfulness"] > signals(scene(1))["colourfulness"] > 2


def test_the_sight_is_never_enlarged_and_never_larger_than_agreed() -> None:
    assert look(jpeg(scene(0, (300, 200)))).grey.shape == (200, 300)
    assert max(look(jpeg(scene(0, (2048, 1365)))).grey.shape) == LOOK_PX
    assert max(look(jpeg(scene(0, (1400, 3000)))).rgb.shape) == LOOK_PX


def test_a_replay_from_the_object_store_gives_the_facts_of_the_fused_run() -> None:
    shelf, encoded = Shelf(), jpeg(scene(5, (1500, 900)))
    handle = quality.make_handler(shelf)
    fused = work_on(shelf, encoded)
    fused.scratch["preview.large"] = encoded
    assert handle(fused) == handle(work_on(shelf, encoded))
    assert shelf.reads == 1


def test_a_missing_preview_fails_visibly_and_can_be_replayed() -> None:
    outcome = quality.make_handler(Shelf())(work_on(Shelf(), None))
    assert isinstance(outcome, TerminalFailure)
    assert (outcome.reason, outcome.retriable) == ("preview_missing", True)


def test_an_unreadable_preview_fails_visibly_with_the_decoders_words() -> None:
    shelf = Shelf()
    outcome = quality.make_handler(shelf)(work_on(shelf, b"not an image"))
    assert isinstance(outcome, TerminalFailure)
    assert outcome.reason == "preview_unreadable"
    assert "cannot" in str(outcome.evidence["message"])


def test_the_stage_completes_with_the_facts_of_the_contract() -> None:
    shelf = Shelf()
    outcome = quality.make_handler(shelf)(work_on(shelf, jpeg(scene(2))))
    assert isinstance(outcome, Completed)
    contract = {
        "sharpness",
        "subject_sharpness",
        "exposure",
        "clipped_highlights",
        "clipped_shadows",
        "contrast",
        "noise",
    }
    assert contract | {"colourfulness"} <= set(outcome.facts)
