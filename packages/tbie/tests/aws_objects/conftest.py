"""One server for all tests of this folder, and a bucket for each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tbie.backends.aws.bucket import create_bucket
from tbie.backends.aws.client import Clients
from tbie.testing.aws.needed import needed_interpreter
from tbie.testing.aws.server import LocalServer

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """The local server; real HTTP, signatures checked."""
    with LocalServer(needed_interpreter(), tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def clients(server: LocalServer) -> Iterator[Clients]:
    """Connections to a place with an empty bucket."""
    found = server.clients(f"objects{next(_NUMBERS)}")
    create_bucket(found)
    yield found
    found.close()
