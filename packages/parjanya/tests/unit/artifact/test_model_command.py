"""``model bake`` and ``model verify``: exit codes, words, JSON, and what is written."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from parjanya.cli import main, model, model_settings
from parjanya.vision.artifact.manifest import NAME, identify, read
from parjanya.vision.local.settings import LocalSettings
from tbie.core.clock import ManualClock

sys.path.insert(0, str(Path(__file__).parents[2]))
from model_folders import ScriptedModel, complete, edit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return complete(tmp_path / "model")


@pytest.fixture
def baked(folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main.run(["model", "bake", str(folder), "--skip-golden"]) == 0
    capsys.readouterr()
    return folder


def test_a_complete_folder_gets_its_manifest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = [
        "--repo",
        "owner/model",
        "--revision",
        "ab" * 20,
        "--image-tag",
        "v1",
        "--image-digest",
        "sha256:" + "1" * 64,
    ]
    assert main.run(["model", "bake", str(folder), "--skip-golden", *said]) == 0
    manifest = read(folder / NAME)
    shown = capsys.readouterr().out
    assert f"id {manifest.id}" in shown
    assert "9 files" in shown
    assert "no golden answers" in shown
    assert manifest.part("image") == {"tag": "v1", "digest": "sha256:" + "1" * 64}
    assert manifest.part("model")["revision"] == "ab" * 20
    assert manifest.scoring["pixel_budget"] == LocalSettings(folder).pixels


def test_a_folder_that_is_not_complete_gets_none_and_everything_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "tokenizer.json").unlink()
    edit(folder / "preprocessor_config.json", lambda j: j.pop("image_std"))
    assert main.run(["model", "bake", str(folder), "--skip-golden"]) == 3
    said = capsys.readouterr().err
    assert "is no complete model; nothing was written:" in said
    assert "file tokenizer.json: is missing" in said
    assert "lacks image_std" in said
    assert not (folder / NAME).exists()
    assert main.run(["model", "bake", str(folder), "--skip-golden", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["baked"] is False
    assert {"subject": "file preprocessor_config.json", "words": told["problems"][-1]["words"]} in told["problems"]


def test_a_manifest_can_be_kept_elsewhere(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "elsewhere.json"
    assert main.run(["model", "bake", str(folder), "--skip-golden", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["manifest"], told["id"]) == (str(out), read(out).id)
    assert not (folder / NAME).exists()
    assert main.run(["model", "verify", str(folder), "--manifest", str(out)]) == 0


@pytest.mark.parametrize("level", [[], ["--quick"]])
def test_a_folder_that_is_what_it_was_passes(baked: Path, level: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["model", "verify", str(baked), *level]) == 0
    assert capsys.readouterr().out.startswith(f"ok: {baked} is what manifest {read(baked / NAME).id} declares")


def test_what_differs_is_said_with_declared_and_found(baked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "model-00002-of-00002.safetensors"
    declared = read(baked / NAME).files[name]["sha256"]
    (baked / name).unlink()
    assert main.run(["model", "verify", str(baked)]) == 3
    said = capsys.readouterr()
    assert f"file {name}: declared sha256 {declared}, found absent" in said.out
    assert "a worker would decline all work" in said.err
    assert main.run(["model", "verify", str(baked), "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["level"]) == (False, "full")
    assert told["differences"][0] == {"component": f"file {name}", "declared": f"sha256 {declared}", "found": None}


def test_a_manifest_that_was_edited_differs_from_what_was_made(baked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(baked / NAME, lambda j: j["processor"].update(mean=[0, 0, 0]))
    assert main.run(["model", "verify", str(baked)]) == 3
    assert "was changed after it was made" in capsys.readouterr().out


def test_a_manifest_of_a_newer_program_is_not_judged(baked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def newer(document: dict[str, object]) -> None:
        document.pop("id")
        document["format"] = "parjanya-model/2"
        document["id"] = identify(document)

    edit(baked / NAME, newer)
    assert main.run(["model", "verify", str(baked)]) == 1
    assert "this program knows parjanya-model/1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bake", "{none}"], "is no folder; name the one that holds the model's config.json"),
        (["verify", "{none}"], "is no folder"),
        (["verify", "{folder}"], "is missing: `parjanya model bake` makes it"),
        (["verify", "{folder}", "--quick", "--golden"], "name one"),
        (["bake", "{folder}", "--pixel-budget", "5"], "the pixel budget must be between"),
        (["bake", "{folder}", "--dtype", "int4"], "dtype is 'int4', none of auto, bfloat16, float32"),
        (["bake", "{folder}", "--device", "abacus"], "device is 'abacus', none of"),
    ],
)
def test_wrong_usage_does_nothing(
    folder: Path, tmp_path: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [a.format(none=tmp_path / "none", folder=folder) for a in arguments]
    assert main.run(["model", *given]) == 2
    assert words in capsys.readouterr().err
    assert not (folder / NAME).exists()


def test_without_the_libraries_golden_answers_are_wrong_usage(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(model_settings, "_NEEDED", ("no_such_library",))
    assert main.run(["model", "bake", str(folder)]) == 2
    assert "no_such_library are not installed here" in capsys.readouterr().err


def test_golden_answers_are_baked_and_verified_under_the_settings_that_were_declared(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = []

    def opens(settings: LocalSettings, _: object) -> ScriptedModel:
        opened.append(settings)
        return ScriptedModel()

    monkeypatch.setattr(model_settings, "_NEEDED", ())
    monkeypatch.setattr(model_settings, "open_model", opens)
    assert (
        main.run(["model", "bake", str(folder), "--pixel-budget", "100000", "--dtype", "float32", "--device", "cpu"])
        == 0
    )
    assert "2 golden answers" in capsys.readouterr().out
    assert main.run(["model", "verify", str(folder), "--golden"]) == 0
    assert [(one.pixels, one.pixels_floor, one.dtype) for one in opened] == [(100_000, 100_000, "float32")] * 2
    monkeypatch.setattr(model_settings, "open_model", lambda *_: ScriptedModel(tokens=1))
    assert main.run(["model", "verify", str(folder), "--golden"]) == 3
    assert "golden picture evening: tokens: declared 400, found 1" in capsys.readouterr().out


def test_reading_that_takes_long_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ManualClock()
    told = model._Told(clock)
    for second in range(9):
        told.read(second << 30, 16 << 30)
        clock.advance_ms(1000)
    assert capsys.readouterr().err.splitlines() == [
        "read 2.0 of 16.0 GiB (12 %), 1.07 GB/s, 14 s left",
        "read 7.0 of 16.0 GiB (43 %), 1.07 GB/s, 9 s left",
    ]
