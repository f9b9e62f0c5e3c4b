"""A model folder from baking to records: the real engine, in a worker of its own pool, on the CPU. Skipped without torch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from product import DONE, NOT_WELL, USAGE, Product, pictures

pytest.importorskip("torch", reason="the extra transformers is not installed")
pytest.importorskip("transformers")
pytest.importorskip("llguidance")

pytestmark = pytest.mark.timeout(400)
PATIENCE_S = 300.0
"""Importing torch in two processes, and a model of random numbers on a loaded core."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from parjanya.testing.tiny_qwen3vl import build

    return build(tmp_path / "model")


def test_a_baked_folder_observes_and_one_that_was_touched_takes_no_work(product: Product, folder: Path) -> None:
    pictures(product.shoot, 2)
    declared = ("--engine", "transformers", "--model", str(folder))
    assert "model bake" in product.look("curate", str(product.shoot), *declared, code=USAGE).err
    settings = ("--skip-golden", "--pixel-budget", "65536", "--dtype", "float32", "--device", "cpu")
    assert product.look("model", "bake", str(folder), *settings).code == DONE
    manifest = json.loads((folder / "parjanya-manifest.json").read_text())["id"]

    result = product.start("curate", product.shoot, "--json", *declared).finish(timeout_s=PATIENCE_S).json

    assert result["engines"] == {f"transformers manifest {manifest[:12]}": 2}
    for image in product.images().values():
        assert image["execution"]["manifest"] == manifest
        assert image["execution"]["pixel_budget"] == image["execution"]["pixel_budget_asked"] == 65_536
        assert 1 <= image["observed"]["grades"]["light"]["expected"] <= 5
        assert image["witness"]["engine"] == "classical"

    pictures(product.shoot, 3)
    config = folder / "generation_config.json"
    config.write_text(config.read_text() + "\n")
    running = product.start("curate", product.shoot, "--json")
    running.until(lambda: "images wait for the engine" in running.err, PATIENCE_S)

    assert "generation_config.json" in running.err
    status = json.loads(product.look("status", "--json", code=NOT_WELL).out)
    assert "execution_drift" in [finding["code"] for finding in status["findings"]]
    assert product.query("SELECT attempts FROM stage WHERE stage = 'observe' AND state = 'pending'") == [(0,)]
    running.kill_everything()
