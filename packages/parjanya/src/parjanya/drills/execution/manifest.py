"""A model of which files are missing, or another one than was declared (incident 6b)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.scene import Scene
from parjanya.drills.shape import Budget, Drill
from parjanya.profiles.manifest import MANIFEST, Manifest, attest, this_machine
from tbie.core.finding import Boundary

MISSING = "model/preprocessor_config.json"


@contextmanager
def declare_what_is_missing(scene: Scene) -> Iterator[None]:
    """Declare a file that this machine does not have, before there is work; take it back when it was noticed."""
    scene.start_engine()
    right = scene.system.truth.read_meta(MANIFEST)
    if right is None:
        scene.require(False, "the engine has declared no manifest")
        right = this_machine(scene.system.workflow).to_json()
    scene.system.truth.write_meta(MANIFEST, _with_missing(right))
    scene.injected()
    scene.ingest()
    try:
        yield
        spent = scene.intent_sql("SELECT coalesce(max(receives), 0) FROM message")[0][0]
        scene.measures["receives_spent"] = spent
        scene.require(spent == 0, f"workers that do not fit have spent {spent} receives")
    finally:
        scene.system.truth.write_meta(MANIFEST, right)


def _with_missing(manifest: str) -> str:
    return json.dumps({**json.loads(manifest), MISSING: "sha256:0f3a"}, sort_keys=True)


def declaration(scene: Scene) -> str:
    """A worker compares the declaration with its machine before it asks for work."""
    here = this_machine(scene.system.workflow)
    drift = attest(Manifest.from_json(_with_missing(here.to_json())), here)
    if drift is None:
        raise AssertionError("a machine that lacks a declared file was accepted")
    return f"refused at boot: declared and not here: {', '.join(drift.differences)}"


INCOMPLETE_MODEL = Drill(
    "incomplete_model",
    "6b",
    "The declared environment names a model file that the workers' machine lacks.",
    "execution_drift",
    Boundary.EXECUTION,
    declare_what_is_missing,
    Budget("boot budget", lambda s: s.boot_register_budget_s),
    guardrail=declaration,
)
