"""Fixtures of tests that need the local server: one for each process of pytest, a fresh place for each test.

    pytest_plugins = ["tbie.testing.aws.session"]  # in a conftest.py

Without the server's environment such tests are skipped and say so; with ``PARJANYA_REQUIRE_AWS=1`` they fail instead.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from tbie.backends.aws.client import Clients
from tbie.backends.aws.place import Place
from tbie.backends.aws.tables import create_tables
from tbie.testing.aws.server import REGION, LocalServer, SharedClock, interpreter

ABSENT = "the local AWS server is not installed: ./run aws-server"

_NUMBERS = itertools.count(1)
_SHARED: dict[str, Clients] = {}


@pytest.fixture(scope="session")
def aws_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A running server."""
    python = interpreter()
    if python is None:
        if os.environ.get("PARJANYA_REQUIRE_AWS") == "1":
            pytest.fail(ABSENT)
        pytest.skip(ABSENT)
    with LocalServer(python, tmp_path_factory.mktemp("aws")) as server:
        yield server
        if server.url in _SHARED:
            _SHARED.pop(server.url).close()


@pytest.fixture
def shared_clock(aws_server: LocalServer) -> Iterator[SharedClock]:
    """A clock that stands still until the test moves it, and that the server follows."""
    yield SharedClock(aws_server.stand_still_at)
    aws_server.stand_still_at(None)


def fresh_place(server: LocalServer) -> Clients:
    """A place of its own, where there is nothing yet, over connections that all tests share: making those is dear."""
    if server.url not in _SHARED:
        _SHARED[server.url] = server.clients("shared")
    prefix = f"test{next(_NUMBERS)}"
    return _SHARED[server.url].at(Place(REGION, prefix, f"{prefix}-objects", server.url))


@pytest.fixture
def aws(aws_server: LocalServer) -> Clients:
    """A place with empty tables."""
    clients = fresh_place(aws_server)
    create_tables(clients)
    return clients
