"""Golden answers: what may vary between two machines that are alike, and what may not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parjanya.vision.artifact import golden, pictures
from parjanya.vision.artifact.attest import Level, attest
from parjanya.vision.artifact.bake import bake
from parjanya.vision.artifact.golden import compare, record

sys.path.insert(0, str(Path(__file__).parents[2]))
from model_folders import ScriptedModel, complete

TOP = tuple((token, 20.0 - token) for token in range(16))


def differences(declared: ScriptedModel, found: ScriptedModel) -> list[str]:
    return [f"{name}: {was} -> {now}" for name, was, now in compare(record(declared)[0], found)]


def moved(by: float, token: int = 3) -> tuple[tuple[int, float], ...]:
    return tuple((number, logit + (by if number == token else 0.0)) for number, logit in TOP)


def test_the_same_model_gives_the_same_answers() -> None:
    assert differences(ScriptedModel(), ScriptedModel()) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"grid": (1, 2, 2)}, "golden picture evening: grid: [1, 20, 28] -> [1, 2, 2]"),
        ({"tokens": 401}, "golden picture evening: tokens: 400 -> 401"),
        ({"pixel_mean": -0.12}, "golden picture evening: pixel_mean: -0.125000 -> -0.120000"),
        ({"pixel_std": float("nan")}, "golden picture evening: pixel_std: 0.250000 -> nan"),
        ({"answer": {"medium": "photo", "sharp": 5}}, "golden picture evening: answer sharp: 4 -> 5"),
        ({"answer": {"medium": "photo"}}, "golden picture evening: answer sharp: 4 -> None"),
    ],
)
def test_another_preparation_or_answer_is_a_difference(changed: dict[str, Any], words: str) -> None:
    said = differences(ScriptedModel(), ScriptedModel(**changed))
    assert said[0] == f"{words} (declared by a script, asked a script)"


@given(st.floats(min_value=-2, max_value=2), st.sampled_from(["float32", "bfloat16"]), st.integers(0, 7))
def test_a_logit_may_move_by_what_the_type_allows_and_no_further(by: float, dtype: str, token: int) -> None:
    within = golden.tolerance(dtype)
    near = abs(by) <= within * 0.999
    far = abs(by) >= within * 1.001
    told = golden._told(ScriptedModel(top=TOP).glimpse(b""))
    found = ScriptedModel(top=moved(by, token)).glimpse(b"")
    said = [name for name, _, _ in golden._differ({"picture": "x", **told}, found, within)]
    assert not near or said == []
    assert not far or said == [f"golden picture x: logit of token {token}"]


def test_a_token_that_fell_out_of_the_likeliest_counts_only_if_it_was_clearly_among_them() -> None:
    even = tuple((token, 10.0 if token < 4 else 9.0) for token in range(16))
    others = tuple((token + 8 if token >= 4 else token, logit) for token, logit in even)
    assert differences(ScriptedModel(top=even), ScriptedModel(top=others)) == []
    gone = tuple((token + 16, logit) for token, logit in even)
    said = differences(ScriptedModel(top=even), ScriptedModel(top=gone))
    assert said[0].startswith("golden picture evening: logit of token 0: 10.0000 -> not among the likeliest")


def test_numbers_that_are_none_are_a_difference() -> None:
    assert differences(ScriptedModel(top=TOP), ScriptedModel(top=moved(float("nan"))))


def test_another_prompt_or_type_is_a_difference() -> None:
    assert differences(ScriptedModel(), ScriptedModel(prompt="glance"))[0].startswith("golden prompt: sha256 ")
    assert differences(ScriptedModel(), ScriptedModel("bfloat16")) == ["golden dtype: float32 -> bfloat16"]


def test_a_picture_that_this_program_draws_otherwise_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = record(ScriptedModel())[0]
    (first, _), second = pictures.PICTURES
    monkeypatch.setattr(golden, "PICTURES", ((first, lambda: np.zeros((32, 32, 3), np.uint8)), second))
    asked = ScriptedModel()
    found = list(compare(declared, asked))
    assert [name for name, _, _ in found] == ["golden picture evening"]
    assert "this program draws another picture" in str(found[0][2])
    assert asked.asked == 1


@pytest.mark.parametrize(
    "broken",
    [
        {"canaries": None},
        {"canaries": [{"picture": "evening"}]},
        {"canaries": [{"picture": "evening", "sha256": "", "grid": [], "pixel_mean": 0, "pixel_std": 0, "tokens": 1,
                       "top": [["a"]], "answer": {}}]},
    ],
)  # fmt: skip
def test_golden_answers_that_somebody_made_up_are_a_difference_and_no_crash(broken: dict[str, object]) -> None:
    declared = {**record(ScriptedModel())[0], **broken}
    assert next(name for name, _, _ in compare(declared, ScriptedModel())) == "golden picture evening"


def test_the_pictures_are_the_same_on_every_machine_and_unlike_each_other() -> None:
    drawn = {name: draw() for name, draw in pictures.PICTURES}
    assert {name: pictures.identity(pixels)[:16] for name, pixels in drawn.items()} == {
        "evening": "417ec702942f797e",
        "sign": "458466ae742cc3d6",
    }
    assert drawn["evening"].shape == (320, 448, 3)
    assert drawn["sign"].shape == (512, 320, 3)
    assert all(pictures.encoded(pixels).startswith(b"\xff\xd8") for pixels in drawn.values())


def test_golden_answers_are_asked_only_if_nothing_else_differs(tmp_path: Path) -> None:
    folder = complete(tmp_path / "model")
    manifest = bake(folder, model=ScriptedModel)
    asked = ScriptedModel()
    assert attest(folder, manifest, Level.GOLDEN, model=lambda: asked) is None
    assert asked.asked == 2
    (folder / "extra").write_text("")
    assert attest(folder, manifest, Level.GOLDEN, model=lambda: pytest.fail("loaded")) is not None


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    folder = complete(tmp_path / "model")

    def broken() -> ScriptedModel:
        raise RuntimeError("no driver")

    none = attest(folder, bake(folder), Level.GOLDEN, model=ScriptedModel)
    assert none is not None
    assert none.differences["golden answers"] == (None, "nothing to compare with: the manifest was baked without any")
    manifest = bake(folder, model=ScriptedModel)
    nobody = attest(folder, manifest, Level.GOLDEN)
    assert nobody is not None
    assert "there is no model to ask" in str(nobody.differences["golden answers"])
    failed = attest(folder, manifest, Level.GOLDEN, model=broken)
    assert failed is not None
    assert "the model cannot be asked: RuntimeError: no driver" in str(failed.differences["golden answers"])
