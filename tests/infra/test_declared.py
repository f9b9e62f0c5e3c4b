"""What the infrastructure is made of is what the program declares now."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def load(name: str, path: Path) -> ModuleType:
    """A script of the infrastructure, which is in no package."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


declare = load("infra_declare", ROOT / "infra/declare.py")


def test_the_declaration_is_up_to_date() -> None:
    now = declare.text(declare.declare("transformers"))
    assert now == declare.FILE.read_text(), "./run python infra/declare.py, then the summary (docs/infrastructure.md)"


@pytest.mark.parametrize("engine", declare.ENGINES)
def test_every_engine_can_be_deployed(engine: str) -> None:
    declared = declare.declare(engine)
    pools = {stage["pool"] for stage in declared["stages"]}
    assert pools == ({"images"} if engine == "classical" else {"images", "vision"})
    assert all(stage["dead_retention_s"] > stage["retention_s"] for stage in declared["stages"])


def test_a_longer_outage_is_answered_by_longer_retention_or_refused() -> None:
    longer = declare.declare("classical", {"outage_window_s": 12 * 86_400.0, "retention_s": 13 * 86_400.0})
    assert {stage["retention_s"] for stage in longer["stages"]} == {13 * 86_400}
    with pytest.raises(declare.SettingsError, match="9b"):
        declare.declare("classical", {"outage_window_s": 12 * 86_400.0})


def test_a_setting_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no setting"):
        declare.main(["--set", "retention_ms=5", "--out", str(tmp_path / "x.json")])


def test_prefixes_of_the_bucket_are_those_that_objects_are_stored_under() -> None:
    from tbie.backends.aws.objects import OBJECTS, UPLOADS
    from tbie.backends.aws.permissions import PREFIXES

    assert dict(PREFIXES) == {"uploads": UPLOADS, "derived": OBJECTS}
