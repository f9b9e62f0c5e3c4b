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
from tbie.core.clock import ManualClock

if TYPE_CHECKING:
    from tbie.backends.aws.client import Clients
    from tbie.testing.aws.server import LocalServer
    from tbie.testing.aws.session import Site

settings.register_profile(
    "tbie", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", deadline=None, database=None, max_examples=1_000)
settings.register_profile("first", settings.get_profile("tbie"), phases=[Phase.generate], report_multiple_bugs=False)
settings.load_profile(os.environ.get("TBIE_HYPOTHESIS", "tbie"))


@pytest.fixture(scope="session")
def aws_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running local server of AWS's interfaces for all tests of this process; an account if the environment says so."""
    from tbie.testing.aws.session import opened

    yield from opened(tmp_path_factory.mktemp("aws"))


@pytest.fixture
def aws_server(aws_site: Site) -> LocalServer:
    """The local server, for tests that own its clock or its users; on an account they are skipped."""
    if aws_site.server is None:
        pytest.skip("needs a server whose clock and users are the test's: not an account")
    return aws_site.server


@pytest.fixture
def shared_clock(aws_site: Site) -> Iterator[ManualClock]:
    """A clock that stands still until the test moves it, and that a local server follows. An account does not: there it is
    for stores that only write down what it shows."""
    from tbie.testing.aws.account import account_clock
    from tbie.testing.aws.server import SharedClock

    if aws_site.server is None:
        yield account_clock()
        return
    yield SharedClock(aws_site.server.stand_still_at)
    aws_site.server.stand_still_at(None)


@pytest.fixture
def queue_clock(aws_site: Site, request: pytest.FixtureRequest) -> ManualClock:
    """The same for stores in which time passes by the server's clock: on an account a test that moves it far is skipped."""
    from tbie.testing.aws.account import AccountClock

    if aws_site.server is None:
        return AccountClock()
    clock: ManualClock = request.getfixturevalue("shared_clock")
    return clock


@pytest.fixture
def aws(aws_site: Site) -> Clients:
    """A place with empty tables, over a client library that tries nothing twice."""
    from tbie.backends.aws.tables import create_tables
    from tbie.testing.aws.session import IMPATIENT

    clients = aws_site.place(IMPATIENT)
    create_tables(clients)
    return clients


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """What a test made on an account is removed when the test is over; a local server keeps it until it is stopped."""
    if os.environ.get("TBIE_AWS_LIVE") == "1":
        from tbie.testing.aws.session import drop_made

        drop_made()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was asked of an account, if one was."""
    if os.environ.get("TBIE_AWS_LIVE") == "1":
        from tbie.testing.aws.session import spent

        for line in spent():
            terminalreporter.write_line(line)
