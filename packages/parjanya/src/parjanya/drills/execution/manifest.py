"""A model of which a file is missing, or another one than was declared (incident 6b)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parjanya.drills.any_scene import AnyScene
from parjanya.drills.model_folder import write_model
from parjanya.drills.scene import Scene
from parjanya.drills.shape import Budget, Drill
from parjanya.profiles.declaration import declare
from parjanya.vision.artifact.attest import Level, attest
from parjanya.vision.artifact.bake import bake, write
from parjanya.vision.artifact.manifest import NAME, Manifest
from parjanya.vision.declared import Classical, Declared, Transformers
from parjanya.vision.local.engine import scoring
from parjanya.vision.local.settings import LocalSettings
from tbie.core.finding import Boundary

MISSING = "preprocessor_config.json"
PATIENCE_S = 20.0
"""How long an engine may take to let its workers go."""


@contextmanager
def take_a_file_away(scene: Scene) -> Iterator[None]:
    """Receives are those of the queue's own rows."""
    with a_file_away(scene):
        yield
        spent = scene.intent_sql("SELECT coalesce(max(receives), 0) FROM message WHERE stage = 'observe'")[0][0]
        scene.measures["receives_spent"] = spent
        scene.require(spent == 0, f"workers that do not fit have spent {spent} receives")


@contextmanager
def a_file_away(scene: AnyScene) -> Iterator[None]:
    """Declare a model for the home, take one file out of its folder, and let work come in; in the end workers must have said so.

    Nobody here can load a model, so the operator who is called does what is always possible: falls back to the classical engine.
    """
    folder = scene.root / "model"
    declared_for(scene, Transformers.of(folder, baked(folder)))
    scene.start_engine()
    (folder / MISSING).unlink()
    scene.injected()
    scene.ingest()
    try:
        yield
        said = [str(beat.body.get("drift")) for beat in scene.system.truth.heartbeats()]
        scene.require(any(MISSING in words for words in said), f"no worker says what is missing: {said}")
    finally:
        scene.engine.end(PATIENCE_S)
        declared_for(scene, Classical())
    scene.start_engine()


def baked(folder: Path) -> Manifest:
    """A complete model in *folder*, with its manifest."""
    write_model(folder)
    manifest = bake(folder, scoring=scoring(LocalSettings(folder)))
    write(manifest, folder / NAME)
    return manifest


def declared_for(scene: AnyScene, engine: Declared) -> None:
    """Declare *engine* for the home of *scene*."""
    declare(scene.system.truth, engine)
    scene.system.adopt()


def comparison(scene: AnyScene) -> str:
    """Whoever deploys compares the folder with its manifest, without loading anything."""
    folder = scene.root / "deployed"
    manifest = baked(folder)
    (folder / MISSING).unlink()
    drift = attest(folder, manifest, Level.QUICK)
    if drift is None:
        raise AssertionError("a model folder that lacks a declared file was accepted")
    component = f"file {MISSING}"
    declared, found = drift.differences[component]
    return f"refused before it is deployed: {component}: declared {declared}, found {found}"


INCOMPLETE_MODEL = Drill(
    "incomplete_model",
    "6b",
    "A file is taken out of the folder of the model that the home declares.",
    "execution_drift",
    Boundary.EXECUTION,
    take_a_file_away,
    Budget("boot budget", lambda s: s.boot_register_budget_s),
    guardrail=comparison,
)
