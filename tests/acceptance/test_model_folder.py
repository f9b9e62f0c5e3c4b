"""A model folder as operators have one: baked, declared, incomplete, mended. Real processes; where torch is, a real model."""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

import pytest
from product import NOT_WELL, USAGE, Product, picture, pictures

from parjanya.drills.model_folder import write_model
from parjanya.vision.artifact.manifest import NAME, read
from tbie.testing.on_demand import on_demand

sys.path.insert(0, str(Path(__file__).parents[2] / "packages/parjanya/tests"))
from engines_present import require_engines

pytestmark = pytest.mark.timeout(900)
MISSING = "preprocessor_config.json"
PATIENCE_S = 250.0
"""A process that imports torch and loads a model, on a machine that is busy with other tests."""


def test_a_folder_that_lacks_a_file_is_named_by_every_command_and_costs_no_attempt(product: Product) -> None:
    pictures(product.shoot, 3)
    folder = write_model(product.root / "model")
    product.run("model", "bake", folder, "--skip-golden")
    (folder / MISSING).unlink()

    waiting = product.start("curate", product.shoot, "--engine", "transformers", "--model", folder)

    waiting.until(lambda: "images wait for the engine transformers" in waiting.err, PATIENCE_S)
    assert f"is not what was declared: file {MISSING}: declared sha256 " in waiting.err.splitlines()[0]
    assert f"{{'file {MISSING}': ['sha256 " in waiting.err.splitlines()[-1]
    waiting.signal(signal.SIGINT)
    waiting.finish(NOT_WELL, PATIENCE_S)
    assert product.query("SELECT DISTINCT attempts FROM stage WHERE stage = 'observe'") == [(0,)]
    doctor = product.look("doctor", "--json", code=NOT_WELL).json
    rails = {rail["name"]: rail for rail in doctor["guardrails"]}
    assert rails["manifest"]["result"] == "fail"
    assert f"file {MISSING}: declared sha256 " in rails["manifest"]["detail"]
    result = product.curate(product.shoot, "--engine", "classical")
    assert (result["settled"], result["engines"]) == (True, {"classical": 3})


@pytest.fixture
def baked(product: Product) -> Path:
    """The folder of a real model, small, with its manifest; two pictures wait."""
    require_engines("torch", "transformers", "llguidance")
    from parjanya.testing.tiny_qwen3vl import build

    pictures(product.shoot, 2)
    folder = build(product.root / "model")
    declared = ("--engine", "transformers", "--model", str(folder))
    assert "model bake" in product.look("curate", str(product.shoot), *declared, code=USAGE).err
    asked = ("--pixel-budget", "65536", "--dtype", "float32", "--device", "cpu")
    product.start("model", "bake", folder, "--repo", "nobody/tiny", *asked).finish(timeout_s=PATIENCE_S)
    return folder


def observed(product: Product, folder: Path) -> str:
    """The manifest's id, once both pictures were observed by the real engine."""
    manifest = read(folder / NAME)
    assert manifest.has_golden
    declared = ("--engine", "transformers", "--model", folder)
    result = product.start("curate", product.shoot, "--json", *declared).finish(timeout_s=PATIENCE_S).json
    assert result["engines"] == {f"transformers manifest {manifest.id[:12]}": 2}
    return manifest.id


def test_a_real_model_is_baked_and_what_it_says_of_pictures_names_its_manifest(product: Product, baked: Path) -> None:
    manifest = observed(product, baked)
    for image in product.images().values():
        assert image["execution"]["manifest"] == manifest
        assert image["execution"]["pixel_budget"] == image["execution"]["pixel_budget_asked"] == 65_536
        assert 1 <= image["observed"]["grades"]["light"]["expected"] <= 5
        assert image["witness"]["engine"] == "classical"


@on_demand("four starts of torch; parts of it are tested without: the drill incomplete_model, test_local_engine.py")
def test_a_real_model_declines_while_its_folder_is_another_and_goes_on_when_it_is_mended(
    product: Product, baked: Path
) -> None:
    manifest = observed(product, baked)
    generation = baked / "generation_config.json"
    kept = generation.read_bytes()
    generation.write_bytes(kept + b"\n")  # touched
    shutil.move(baked / MISSING, product.root / MISSING)
    picture(product.shoot / "later.jpg", 50)
    waiting = product.start("curate", product.shoot)
    waiting.until(lambda: "images wait for the engine transformers" in waiting.err, PATIENCE_S)
    assert f"file {MISSING}': ['sha256 " in waiting.err.splitlines()[-1]
    assert "file generation_config.json': ['" in waiting.err.splitlines()[-1]
    status = product.look("status", "--json", code=NOT_WELL).json
    assert "execution_drift" in [finding["code"] for finding in status["findings"]]
    assert product.query("SELECT attempts FROM stage WHERE stage = 'observe' AND state = 'pending'") == [(0,)]
    generation.write_bytes(kept)
    shutil.move(product.root / MISSING, baked / MISSING)
    waiting.finish(timeout_s=PATIENCE_S)  # nothing was restarted
    assert product.query("SELECT DISTINCT attempts FROM stage WHERE stage = 'observe'") == [(1,)]
    assert {image["execution"]["manifest"] for image in product.images().values()} == {manifest}
