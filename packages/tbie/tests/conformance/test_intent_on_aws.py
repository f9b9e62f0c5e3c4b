"""Intent on SQS keeps the contract of every queue, over real HTTP, on a clock that the test owns."""

from __future__ import annotations

from pathlib import Path

import pytest

from packages.tbie.tests.conformance.aws_known_wrong import INTENT, mark_known_wrong
from tbie.backends.aws.intent import SqsIntent
from tbie.backends.aws.queues import create_queues
from tbie.backends.aws.tables import create_tables
from tbie.core.clock import Clock
from tbie.core.settings import Settings
from tbie.intent import IntentQueue
from tbie.testing.aws.server import LocalServer, SharedClock
from tbie.testing.aws.session import fresh_place
from tbie.testing.builders import chain
from tbie.testing.conformance.intent import IntentConformance

STAGES = ("a", "b", "c")


class TestSqsIntent(IntentConformance):
    tick_ms = 1_000
    crowd = 100

    @pytest.fixture
    def clock(self, shared_clock: SharedClock) -> SharedClock:
        return shared_clock

    @pytest.fixture(autouse=True)
    def places(self, request: pytest.FixtureRequest, aws_server: LocalServer) -> None:
        mark_known_wrong(request, INTENT)
        self._server = aws_server

    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        clients = fresh_place(self._server)
        create_tables(clients, ("register",))
        create_queues(clients, chain(*STAGES), Settings())
        return SqsIntent(clients, clock, retention_s, STAGES)
