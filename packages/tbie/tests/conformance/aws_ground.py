"""One local server for each module of tests, and on it a fresh place for each store."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tbie.backends.aws.client import Clients
from tbie.backends.aws.queues import create_queues
from tbie.core.settings import Settings
from tbie.testing.aws.server import LocalServer, SharedClock, interpreter
from tbie.workflow import Workflow

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def aws_server() -> Iterator[LocalServer]:
    """A running server; skips the test where there is none, unless ``PARJANYA_REQUIRE_AWS=1``."""
    python = interpreter()
    if python is None:
        reason = "the local AWS server is not installed: `./run aws-server`"
        if os.environ.get("PARJANYA_REQUIRE_AWS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        yield stack.enter_context(LocalServer(python, Path(folder)))


@pytest.fixture
def shared_clock(aws_server: LocalServer) -> Iterator[SharedClock]:
    """A clock that stands still until the test moves it, and that the server follows."""
    yield SharedClock(aws_server.stand_still_at)
    aws_server.stand_still_at(None)


def fresh_place(server: LocalServer) -> Clients:
    """Clients of a place that nobody has used."""
    return server.clients(f"test{next(_numbers)}")


def create_register(clients: Clients) -> None:
    """The register's table."""
    clients.dynamodb.create_table(
        TableName=clients.place.table("register"),
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )


def create_intent_place(clients: Clients, workflow: Workflow) -> None:
    """The register and the queues of *workflow*."""
    create_register(clients)
    create_queues(clients, workflow, Settings())
