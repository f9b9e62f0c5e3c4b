"""Attesting: every fault that a loader accepts in silence, or refuses with words that nobody understands, is named here."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parjanya.vision.artifact import packages
from parjanya.vision.artifact.attest import Level, attest
from parjanya.vision.artifact.bake import Origin, bake
from parjanya.vision.artifact.manifest import Manifest
from parjanya.vision.artifact.problems import SHOWN
from tbie.execution import Drift

sys.path.insert(0, str(Path(__file__).parents[2]))
from model_folders import SHARDS, WEIGHTS, ScriptedModel, complete, edit, write_weights

FIRST, SECOND = SHARDS
SCORING = {"prompt": "a" * 64, "schema": "b" * 64, "pixel_budget": 786_432, "sampling": {"first": "greedy"}}
DIGEST = "sha256:" + "0" * 63

Spoil = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return complete(tmp_path / "model")


@pytest.fixture
def manifest(folder: Path) -> Manifest:
    return bake(folder, scoring=SCORING, model=ScriptedModel)


def said(drift: Drift | None) -> str:
    """The drift as a worker says it."""
    assert drift is not None, "nothing was noticed"
    return "\n".join(f"{component}: {was} -> {now}" for component, (was, now) in drift.differences.items())


def flip(path: Path) -> None:
    """Change one bit of the last value but a hundred."""
    content = bytearray(path.read_bytes())
    content[-101] ^= 0x40
    path.write_bytes(content)


def into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def tokens(change: Callable[[dict[str, int]], object]) -> Spoil:
    return lambda folder: edit(folder / "tokenizer.json", lambda j: change(j["added_tokens"][4]))


def config(change: Callable[[dict[str, Any]], object]) -> Spoil:
    return lambda folder: edit(folder / "config.json", change)


def preprocessor(change: Callable[[dict[str, object]], object]) -> Spoil:
    return lambda folder: edit(folder / "preprocessor_config.json", change)


FAULTS: dict[str, tuple[Spoil, Level, str]] = {
    "a byte flipped in the weights": (lambda f: flip(f / SECOND), Level.FULL, f"file {SECOND}: sha256 "),
    "weights cut short": (
        lambda f: os.truncate(f / SECOND, (f / SECOND).stat().st_size - 40),
        Level.QUICK,
        "bytes; is cut short or was appended to: its header declares 320 bytes of values, it has 280",
    ),
    "a weight file missing": (lambda f: (f / SECOND).unlink(), Level.QUICK, "-> None\n"),
    "a file that nobody declared": (
        lambda f: (f / "notes.txt").write_text("hello"),
        Level.QUICK,
        "file notes.txt: None -> 5 bytes that nobody declared",
    ),
    "a tensor dropped": (
        lambda f: write_weights(f / FIRST, {name: [4, 4] for name in WEIGHTS[:3]}),
        Level.QUICK,
        "tensors index model.visual.blocks.1.norm.weight: F32 [4, 4] -> None",
    ),
    "a tensor of another shape": (
        lambda f: write_weights(f / FIRST, {name: [2, 8] if name == WEIGHTS[0] else [4, 4] for name in WEIGHTS[:4]}),
        Level.QUICK,
        f"tensors index {WEIGHTS[0]}: F32 [4, 4] -> F32 [2, 8]",
    ),
    "the mean removed": (
        preprocessor(lambda j: j.pop("image_mean")),
        Level.QUICK,
        "processor mean: [0.5, 0.5, 0.5] -> None",
    ),
    "the deviation changed": (
        preprocessor(lambda j: j.update(image_std=[0.2, 0.2, 0.2])),
        Level.QUICK,
        "processor std: [0.5, 0.5, 0.5] -> [0.2, 0.2, 0.2]",
    ),
    "the size changed": (
        preprocessor(lambda j: j.update(size={"shortest_edge": 1, "longest_edge": 2})),
        Level.QUICK,
        "processor size longest_edge: 16777216 -> 2",
    ),
    "the processor missing": (
        lambda f: (f / "preprocessor_config.json").unlink(),
        Level.QUICK,
        "-> absent; is missing, and processor_config.json holds no image_processor: nothing says how a picture becomes numbers",
    ),
    "deepstack in another order": (
        config(lambda j: j["vision_config"].update(deepstack_visual_indexes=[1, 0])),
        Level.QUICK,
        "model vision deepstack_visual_indexes: [0, 1] -> [1, 0]",
    ),
    "no rules for the end of an answer": (
        lambda f: (f / "generation_config.json").unlink(),
        Level.QUICK,
        "is missing: a loader would take other rules for where an answer ends",
    ),
    "the chat template edited": (
        lambda f: (f / "chat_template.jinja").write_text("<|image_pad|> be kind"),
        Level.QUICK,
        "chat template sha256: ",
    ),
    "a token of another number in the tokenizer": (
        tokens(lambda token: token.update(id=9)),
        Level.QUICK,
        "tokenizer added <|image_pad|>: 4 -> 9",
    ),
    "a token of another number in the configuration": (
        config(lambda j: j.update(image_token_id=5)),
        Level.QUICK,
        "tokenizer special image_token_id id: 4 -> 5",
    ),
    "code named that is not there": (
        config(lambda j: j.update(auto_map={"AutoModel": "modeling_own.Model"})),
        Level.QUICK,
        "file modeling_own.py: nothing wrong with it -> config.json (AutoModel) needs this code, which is missing",
    ),
    "a weight file that became a folder": (
        lambda f: into_a_folder(f / SECOND),
        Level.FULL,
        f"file {SECOND}: sha256 ",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_with_what_was_declared_and_what_was_found(
    folder: Path, manifest: Manifest, fault: str
) -> None:
    spoil, level, words = FAULTS[fault]
    assert attest(folder, manifest, level, scoring=SCORING) is None
    spoil(folder)
    assert words in said(attest(folder, manifest, level, scoring=SCORING))


def test_a_quick_look_reads_no_weights(folder: Path, manifest: Manifest) -> None:
    flip(folder / SECOND)
    assert attest(folder, manifest, Level.QUICK) is None
    assert attest(folder, manifest, Level.FULL) is not None


def test_a_folder_that_is_gone_is_a_drift_and_no_crash(folder: Path, manifest: Manifest) -> None:
    shutil.rmtree(folder)
    drift = attest(folder, manifest)
    assert f"file {SECOND}: sha256 {manifest.files[SECOND]['sha256']} -> None" in said(drift)
    assert "folder: nothing wrong with it -> " in said(drift) or len(drift.differences) > SHOWN  # type: ignore[union-attr]


def test_many_differences_are_counted_and_not_listed(folder: Path, manifest: Manifest) -> None:
    for number in range(100):
        (folder / f"extra-{number:03}").write_text("")
    drift = attest(folder, manifest)
    assert drift is not None
    assert len(drift.differences) == SHOWN + 1
    assert drift.differences["more"] == (None, "80 more differences")


@pytest.mark.parametrize(("version", "found"), [("0.0.1", "0.0.1"), (None, "None")])
def test_a_library_of_another_version_is_a_drift(
    folder: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch, version: str | None, found: str
) -> None:
    declared = packages.versions()
    monkeypatch.setattr(packages, "versions", lambda: {**declared, "pillow": version})
    assert said(attest(folder, manifest)) == f"package pillow: {declared['pillow']} -> {found}"


def test_a_library_that_was_not_there_when_the_model_was_baked_is_not_bound(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without_torch:
        without_torch.setattr(packages, "versions", lambda: {"python": "3.11", "torch": None})
        manifest = bake(folder)
    monkeypatch.setattr(packages, "versions", lambda: {"python": "3.11", "torch": "2.13.0"})
    assert attest(folder, manifest) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prompt": "c" * 64}, f"scoring prompt: {'a' * 64} -> {'c' * 64}"),
        ({"schema": "c" * 64}, f"scoring schema: {'b' * 64} -> {'c' * 64}"),
        ({"pixel_budget": 1}, "scoring pixel_budget: 786432 -> 1"),
        ({"sampling": {"first": "drawn"}}, "scoring sampling first: greedy -> drawn"),
        ({"new": True}, "scoring new: None -> true"),
    ],
)
def test_another_prompt_schema_budget_or_sampling_is_a_drift(
    folder: Path, manifest: Manifest, change: dict[str, object], words: str
) -> None:
    assert said(attest(folder, manifest, scoring={**SCORING, **change})) == words


def test_a_machine_has_to_say_that_it_runs_the_image_that_was_declared(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = bake(folder, Origin(image_tag="v1", image_digest=f"{DIGEST}1"))
    monkeypatch.delenv(packages.IMAGE_DIGEST, raising=False)
    assert said(attest(folder, manifest)) == (
        f"image: {DIGEST}1 -> unknown: PARJANYA_IMAGE_DIGEST is not set on this machine"
    )
    monkeypatch.setenv(packages.IMAGE_DIGEST, f"{DIGEST}2")
    assert said(attest(folder, manifest)) == f"image: {DIGEST}1 -> {DIGEST}2"
    monkeypatch.setenv(packages.IMAGE_DIGEST, f"{DIGEST}1")
    assert attest(folder, manifest) is None


def test_a_folder_that_moved_or_was_copied_is_the_same(folder: Path, manifest: Manifest, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert attest(tmp_path / "elsewhere", manifest) is None


def test_how_far_the_reading_is_goes_up_to_all_of_it(folder: Path, manifest: Manifest) -> None:
    told: list[tuple[int, int]] = []
    attest(folder, manifest, progress=lambda done, total: told.append((done, total)))
    every = sum(entry["bytes"] for entry in manifest.files.values())
    assert told == sorted(told)
    assert told[-1] == (every, every)
