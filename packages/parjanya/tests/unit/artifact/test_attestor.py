"""A process that lives: in full at its start, then only what was touched; what was wrong stays so until it is right."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from parjanya.vision.artifact.attest import Attestor
from parjanya.vision.artifact.bake import bake
from parjanya.vision.artifact.manifest import Manifest
from tbie.execution import Drift

sys.path.insert(0, str(Path(__file__).parents[2]))
from model_folders import SHARDS, ScriptedModel, complete

_, SECOND = SHARDS
SCORING = {"prompt": "a" * 64}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return complete(tmp_path / "model")


@pytest.fixture
def manifest(folder: Path) -> Manifest:
    return bake(folder, scoring=SCORING, model=ScriptedModel)


def said(drift: Drift | None) -> str:
    assert drift is not None, "nothing was noticed"
    return "\n".join(f"{component}: {was} -> {now}" for component, (was, now) in drift.differences.items())


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-101] ^= 0x40
    path.write_bytes(content)


class TestAProcessThatLives:
    def test_it_looks_again_only_at_what_was_touched(
        self, folder: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        attestor = Attestor(folder, manifest, SCORING)
        assert attestor.at_boot(ScriptedModel) is None
        with monkeypatch.context() as blind:
            blind.setattr("parjanya.vision.artifact.attest.examine", lambda *_: pytest.fail("read again"))
            assert attestor.again() is None
        flip(folder / SECOND)
        assert f"file {SECOND}: sha256 " in said(attestor.again())
        assert f"file {SECOND}: sha256 " in said(attestor.again())
        flip(folder / SECOND)
        assert attestor.again() is None

    def test_a_change_that_keeps_size_and_time_is_noticed_all_the_same(self, folder: Path, manifest: Manifest) -> None:
        attestor = Attestor(folder, manifest)
        assert attestor.at_boot() is None
        was = (folder / SECOND).stat()
        flip(folder / SECOND)
        os.utime(folder / SECOND, ns=(was.st_atime_ns, was.st_mtime_ns))
        assert f"file {SECOND}: sha256 " in said(attestor.again())

    def test_wrong_weights_stay_wrong_when_another_file_is_touched(self, folder: Path, manifest: Manifest) -> None:
        flip(folder / SECOND)
        attestor = Attestor(folder, manifest)
        assert attestor.at_boot() is not None
        os.utime(folder / "config.json")
        assert f"file {SECOND}: sha256 " in said(attestor.again())

    def test_a_model_that_answers_otherwise_takes_no_work_until_another_process_asks(
        self, folder: Path, manifest: Manifest
    ) -> None:
        attestor = Attestor(folder, manifest)
        assert "golden picture evening: grid" in said(attestor.at_boot(lambda: ScriptedModel(grid=(1, 2, 2))))
        os.utime(folder / "config.json")
        assert "golden picture evening: grid" in said(attestor.again())

    def test_a_folder_that_is_not_what_was_declared_is_not_loaded(self, folder: Path, manifest: Manifest) -> None:
        flip(folder / SECOND)
        assert Attestor(folder, manifest).at_boot(lambda: pytest.fail("loaded")) is not None

    def test_a_process_that_declines_reads_nothing_again_until_the_folder_changes(
        self, folder: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept = (folder / SECOND).read_bytes()
        (folder / SECOND).unlink()
        attestor = Attestor(folder, manifest, SCORING)
        drift = attestor.at_boot(ScriptedModel)
        with monkeypatch.context() as blind:
            blind.setattr("parjanya.vision.artifact.attest.examine", lambda *_: pytest.fail("read again"))
            assert attestor.at_boot(ScriptedModel) == drift
        (folder / SECOND).write_bytes(kept)
        asked = ScriptedModel()
        assert attestor.at_boot(lambda: asked) is None
        assert asked.asked == 2

    def test_without_golden_answers_in_the_manifest_the_model_is_not_asked(self, folder: Path) -> None:
        assert Attestor(folder, bake(folder)).at_boot(lambda: pytest.fail("asked")) is None
