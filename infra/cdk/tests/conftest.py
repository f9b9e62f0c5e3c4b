"""The stacks, synthesised once for all tests: offline, without credentials, with made-up functions and images."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [
    str(ROOT),
    str(ROOT / "infra" / "cdk"),
    str(ROOT / "packages/tbie/src"),
    str(ROOT / "packages/parjanya/src"),
]
os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20,22")
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]  # nothing here may depend on whose machine it is

from parjanya_cdk.build import build  # noqa: E402 - the paths come first
from parjanya_cdk.checks.base import Subject  # noqa: E402
from parjanya_cdk.declaration import Declaration, read  # noqa: E402
from parjanya_cdk.main import DECLARED, synthesise, to_look_at  # noqa: E402
from parjanya_cdk.options import Options  # noqa: E402

Plant = Callable[[Any], None]


@pytest.fixture(scope="session")
def declared() -> Declaration:
    return read(DECLARED)


@pytest.fixture(scope="session")
def options(declared: Declaration) -> Options:
    return to_look_at(declared, {})


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("assembly")


@pytest.fixture(scope="session")
def stacks(declared: Declaration, options: Options, folder: Path) -> Subject:
    """What cdk-nag has let pass."""
    return Subject(synthesise(build(declared, options, folder), declared, options), declared, options)


@pytest.fixture
def planted(stacks: Subject) -> Callable[[Plant], Subject]:
    """The same with a defect in it."""

    def plant(defect: Plant) -> Subject:
        templates = deepcopy(dict(stacks.templates))
        defect(templates)
        return Subject(templates, stacks.declared, stacks.options)

    return plant
