"""A baked model is what a home declares, and what the engine says of itself: the three agree, without torch."""

from __future__ import annotations

import sys
from pathlib import Path

from parjanya.profiles.engines import DeclaredEngine, differences
from parjanya.vision.artifact.bake import bake, write
from parjanya.vision.artifact.manifest import NAME
from parjanya.vision.declared import Transformers
from parjanya.vision.local.engine import TransformersEngine, scoring
from parjanya.vision.local.settings import LocalSettings
from tbie.core.clock import ManualClock

sys.path.insert(0, str(Path(__file__).parents[2]))
from model_folders import complete


def declared(folder: Path, pixels: int = 500_000) -> Transformers:
    manifest = bake(complete(folder), scoring=scoring(LocalSettings(folder, pixels=pixels)))
    write(manifest, folder / NAME)
    return Transformers.of(folder, manifest)


def test_an_engine_that_opens_a_declared_model_is_the_engine_that_was_declared(tmp_path: Path) -> None:
    model = declared(tmp_path / "model")
    engine = TransformersEngine(model.settings(), ManualClock())
    assert differences(model, engine.identity()) is None
    assert engine.identity()["model"] == {"manifest": model.manifest}
    assert model.pixel_budget == 500_000


def test_a_worker_of_a_folder_that_lacks_a_file_says_which_one(tmp_path: Path) -> None:
    model = declared(tmp_path / "model")
    (tmp_path / "model" / "preprocessor_config.json").unlink()
    drift = DeclaredEngine(model, ManualClock()).attest()
    assert drift is not None
    assert next(iter(drift.differences)) == "file preprocessor_config.json"


def test_a_worker_of_a_folder_with_another_model_in_it_takes_no_work(tmp_path: Path) -> None:
    model = declared(tmp_path / "model")
    other = declared(tmp_path / "other", pixels=600_000)
    (tmp_path / "other" / NAME).replace(tmp_path / "model" / NAME)
    drift = DeclaredEngine(model, ManualClock()).attest()
    assert drift is not None
    assert drift.differences["manifest"] == (model.manifest, other.manifest)
