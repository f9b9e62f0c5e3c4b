"""The shipped plugin, also where the package is on the path but not installed; and one fixed profile of Hypothesis.

Examples are derandomized, so that a red build is red again on the next machine. Search for new ones with
``TBIE_HYPOTHESIS=explore``: other examples each time, and ten times as many. ``TBIE_HYPOTHESIS=first`` stops at the
first failure without looking for a shorter one, for trying mutants.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings

import tbie.testing.plugin  # noqa: F401 - registers the rewriting of asserts before the suite is imported

if TYPE_CHECKING:
    from tbie.backends.aws.client import Clients
    from tbie.testing.aws.server import LocalServer, SharedClock

settings.register_profile(
    "tbie", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", deadline=None, database=None, max_examples=1_000)
settings.register_profile("first", settings.get_profile("tbie"), phases=[Phase.generate], report_multiple_bugs=False)
settings.load_profile(os.environ.get("TBIE_HYPOTHESIS", "tbie"))


@pytest.fixture(scope="session")
def aws_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A running local server of AWS's interfaces, for all tests of this process."""
    from tbie.testing.aws.session import running

    yield from running(tmp_path_factory.mktemp("aws"))


@pytest.fixture
def shared_clock(aws_server: LocalServer) -> Iterator[SharedClock]:
    """A clock that stands still until the test moves it, and that the server follows."""
    from tbie.testing.aws.server import SharedClock

    yield SharedClock(aws_server.stand_still_at)
    aws_server.stand_still_at(None)


@pytest.fixture
def aws(aws_server: LocalServer) -> Clients:
    """A place with empty tables, over a client library that tries nothing twice."""
    from tbie.backends.aws.tables import create_tables
    from tbie.testing.aws.session import IMPATIENT, fresh_place

    clients = fresh_place(aws_server, IMPATIENT)
    create_tables(clients)
    return clients
