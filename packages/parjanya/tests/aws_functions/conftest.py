"""One server for all of them, and the packages, made once of this environment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tbie.testing.aws.needed import needed_interpreter
from tbie.testing.aws.server import LocalServer

sys.path.insert(0, str(Path(__file__).parents[1]))
from functions_local import Deployment, all_packages


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer(needed_interpreter(), tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def zips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return all_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def deploy(server: LocalServer, zips: Path, request: pytest.FixtureRequest) -> Callable[[], Deployment]:
    """A system of the test's own."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name.lower())[5:22].strip("-")
    return lambda: Deployment(server, f"s-{name}", zips)
