"""The classical engine: what it calls a photograph, what not, and that it would rather say unsure."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from parjanya.stages import observe
from parjanya.vision import classical, features, model
from parjanya.vision.sight import look
from tbie.core.clock import SystemClock
from tbie.core.fingerprint import canonical_json
from tbie.core.outcome import Completed, TerminalFailure

sys.path.insert(0, str(Path(__file__).parent))
from judge_pictures import Shelf, data_folder, jpeg, noisy, scene, work_on

KINDS = set(model.shipped().kinds)


def seen(image: Image.Image, make: str | None = None, quality: int = 88) -> dict[str, Any]:
    return classical.observe(look(jpeg(image, quality)), make)


def slide(seed: int = 0, size: tuple[int, int] = (1280, 720)) -> Image.Image:
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", size, tuple(int(c) for c in rng.integers(225, 256, 3)))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, size[0], 90), fill=tuple(int(c) for c in rng.integers(0, 140, 3)))
    draw.text((40, 25), "Quarterly review of the harbour series", fill="white", font_size=40)
    for line in range(int(rng.integers(4, 9))):
        draw.text((70, 140 + 62 * line), "- delivered albums per region and month", fill=(30, 30, 40), font_size=32)
    return image


def bars(seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (900, 600), "white")
    draw = ImageDraw.Draw(image)
    for k in range(10):
        draw.rectangle((60 + 80 * k, 560 - int(rng.integers(50, 480)), 120 + 80 * k, 560), fill=(40, 90, 160))
        draw.text((70 + 80 * k, 570), f"Q{k}", fill="black", font_size=20)
    return image


def grainy_scene(seed: int = 0) -> Image.Image:
    """As near to a photograph as drawing gets: soft edges, no flat area, grain."""
    return noisy(scene(seed, (1024, 700)).filter(ImageFilter.GaussianBlur(1.5)), 3)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999), quality=st.sampled_from([60, 75, 85, 95]))
def test_a_slide_is_not_a_photograph_however_it_was_saved(seed: int, quality: int) -> None:
    facts = seen(slide(seed), quality=quality)
    assert facts["medium"] in KINDS
    assert facts["is_photo_probability"] < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_a_chart_is_not_a_photograph_and_the_reason_names_what_was_measured(seed: int) -> None:
    facts = seen(bars(seed))
    assert facts["medium"] in KINDS
    assert any("%" in sentence for sentence in facts["because"])
    assert 1 <= len(facts["because"]) <= 4


@pytest.mark.parametrize("seed", range(5))
def test_soft_edges_and_grain_everywhere_are_not_called_a_drawing_with_confidence(seed: int) -> None:
    assert seen(grainy_scene(seed))["medium"] in ("photo", "unsure")


def test_a_camera_in_the_metadata_is_evidence_and_rules_out_a_confident_other_medium() -> None:
    without, with_camera = seen(slide()), seen(slide(), "Acme")
    assert with_camera["medium"] in ("photo", "unsure")
    assert with_camera["is_photo_probability"] > without["is_photo_probability"]
    assert (without["evidence"]["camera_make"], with_camera["evidence"]["camera_make"]) == (None, "Acme")
    assert "Acme" in " ".join(with_camera["because"])


@pytest.mark.parametrize("size", [(1, 1), (63, 500), (500, 40)])
def test_an_image_too_small_to_tell_is_unsure_and_its_probability_unknown(size: tuple[int, int]) -> None:
    facts = seen(Image.new("RGB", size, "red"))
    assert (facts["medium"], facts["is_photo_probability"], facts["confidence"]) == ("unsure", None, 0.0)


@pytest.mark.parametrize("colour", ["black", "white", "gray"])
def test_a_blank_frame_is_unsure_because_a_lens_cap_is_blank_too(colour: str) -> None:
    facts = seen(Image.new("RGB", (800, 600), colour))
    assert facts["medium"] == "unsure"
    assert "blank" in facts["because"][0]


@settings(max_examples=25, deadline=None)
@given(
    width=st.integers(32, 300),
    height=st.integers(32, 300),
    seed=st.integers(0, 99),
    grain=st.sampled_from([0.0, 1.0, 60.0]),
)
def test_every_figure_of_any_image_is_finite_and_shares_stay_shares(
    width: int, height: int, seed: int, grain: float
) -> None:
    sight = look(jpeg(noisy(scene(seed, (width, height)), grain)))
    figures = features.describe(sight.rgb, sight.grey)
    assert all(np.isfinite(v) for v in figures.values())
    shares = (
        "zero_laplacian",
        "flat_tiles",
        "top_colour",
        "two_tone_lined",
        "bright_stroke",
        "row_line",
        "stillest_side",
    )
    assert all(0 <= figures[name] <= 1 for name in shares)
    assert set(model.shipped().names) == set(figures)


def test_flat_colour_raises_the_flatness_figures_and_grain_lowers_them() -> None:
    plain, grainy = look(jpeg(slide())), look(jpeg(noisy(slide(), 4)))
    a, b = features.describe(plain.rgb, plain.grey), features.describe(grainy.rgb, grainy.grey)
    assert a["zero_laplacian"] > 0.5 > b["zero_laplacian"]
    assert a["flat_tiles"] > b["flat_tiles"]
    assert a["noise_p50"] < b["noise_p50"]


def test_lettering_of_one_colour_is_noticed_over_a_busy_picture() -> None:
    picture = grainy_scene(1)
    lettered = picture.copy()
    ImageDraw.Draw(lettered).text((60, 200), "GRAND OPENING", fill=(250, 220, 40), font_size=110)
    before, after = (features.describe(s.rgb, s.grey) for s in (look(jpeg(picture)), look(jpeg(lettered))))
    assert after["bright_stroke"] > before["bright_stroke"] + 0.1


def test_the_version_follows_the_trained_numbers() -> None:
    document: dict[str, object] = {"trees": 1, "feature_code": features.CODE_VERSION + 1}
    with pytest.raises(ValueError, match="trained on figures of code"):
        model.parse(document)
    assert classical.version() == classical.version(model.shipped())


def test_a_replay_from_the_object_store_gives_the_facts_of_the_fused_run() -> None:
    shelf, encoded = Shelf(), jpeg(slide(3))
    handle = observe.make_handler(shelf)
    technical: dict[str, object] = {"exif": {"make": " Acme "}}
    fused = work_on(shelf, encoded, "observe", {"technical": technical})
    fused.scratch["preview.large"] = encoded
    first, second = handle(fused), handle(work_on(shelf, encoded, "observe", {"technical": technical}))
    assert isinstance(first, Completed)
    assert isinstance(second, Completed)
    assert canonical_json(dict(first.facts)) == canonical_json(dict(second.facts))
    assert first.facts["evidence"]["camera_make"] == "Acme"  # type: ignore[index]


def test_a_missing_or_unreadable_preview_fails_visibly() -> None:
    shelf = Shelf()
    outcomes = [observe.make_handler(shelf)(work_on(shelf, encoded, "observe")) for encoded in (None, b"nothing")]
    reasons = [o.reason for o in outcomes if isinstance(o, TerminalFailure)]
    assert reasons == ["preview_missing", "preview_unreadable"]


def test_one_image_is_observed_in_milliseconds() -> None:
    sight, clock = look(jpeg(scene(1, (1024, 683)))), SystemClock()
    classical.observe(sight, None)
    took = []
    for _ in range(7):
        began = clock.monotonic_s()
        classical.observe(sight, None)
        took.append(clock.monotonic_s() - began)
    assert min(took) < 0.15, "about 15 ms on one unloaded core"


@pytest.mark.parametrize("quality", [75, 88])
def test_of_real_photographs_hardly_any_is_called_something_else_and_few_are_unsure(quality: int) -> None:
    media = [seen(Image.open(p), quality=quality)["medium"] for p in sorted((data_folder() / "photo").glob("*.png"))]
    called_other = sum(m not in ("photo", "unsure") for m in media) / len(media)
    assert called_other <= 0.01
    assert media.count("unsure") / len(media) <= 0.05


@pytest.mark.parametrize("quality", [75, 88])
def test_of_real_images_that_are_no_photographs_most_are_not_called_one(quality: int) -> None:
    """None of these was used in training."""
    media = [seen(Image.open(p), quality=quality)["medium"] for p in sorted((data_folder() / "nonphoto").glob("*.png"))]
    assert sum(m != "photo" for m in media) / len(media) >= 0.85
