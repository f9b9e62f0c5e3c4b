"""An empty queue on the local server for each test."""

from __future__ import annotations

import pytest

from packages.tbie.tests.unit.sqs.ground import Ground, new_ground
from tbie.testing.aws.server import LocalServer, SharedClock


@pytest.fixture
def ground(aws_server: LocalServer, shared_clock: SharedClock) -> Ground:
    """An empty queue."""
    return new_ground(aws_server, shared_clock)
