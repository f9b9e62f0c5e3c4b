"""A model folder as operators have one: baked, declared, incomplete, mended. Real processes; where torch is, a real model."""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

import pytest
from product import NOT_WELL, Product, pictures

from parjanya.drills.model_folder import write_model
from parjanya.vision.artifact.manifest import NAME, read

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


def test_a_real_model_is_baked_works_declines_while_a_file_is_missing_and_goes_on(product: Product) -> None:
    require_engines("torch", "transformers", "llguidance")
    from parjanya.testing.tiny_qwen3vl import build

    pictures(product.shoot, 2)
    folder = build(product.root / "model")
    product.start("model", "bake", folder, "--repo", "nobody/tiny", "--pixel-budget", "100000").finish(
        timeout_s=PATIENCE_S
    )
    manifest = read(folder / NAME)
    assert manifest.has_golden
    declared = ("--engine", "transformers", "--model", folder)

    product.start("curate", product.shoot, *declared).finish(timeout_s=PATIENCE_S)

    for image in product.images().values():
        assert image["execution"]["manifest"] == manifest.id
        assert image["execution"]["pixel_budget"] == 100_000
    shutil.move(folder / MISSING, product.root / MISSING)
    pictures(product.shoot, 3)
    waiting = product.start("curate", product.shoot)
    waiting.until(lambda: "images wait for the engine transformers" in waiting.err, PATIENCE_S)
    assert f"{{'file {MISSING}': ['sha256 " in waiting.err.splitlines()[-1]
    shutil.move(product.root / MISSING, folder / MISSING)
    waiting.finish(timeout_s=PATIENCE_S)  # nothing was restarted
    assert product.query("SELECT DISTINCT attempts FROM stage WHERE stage = 'observe'") == [(1,)]
    assert {image["execution"]["manifest"] for image in product.images().values()} == {manifest.id}
