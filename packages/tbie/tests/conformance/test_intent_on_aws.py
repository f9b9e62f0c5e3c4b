"""Intent on SQS keeps the contract of every queue, over real HTTP, on a clock that the test owns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from packages.tbie.tests.conformance.aws_ground import (
    aws_server,  # noqa: F401 - a fixture
    create_intent_place,
    fresh_place,
    shared_clock,  # noqa: F401 - a fixture
)
from packages.tbie.tests.conformance.aws_known_wrong import INTENT, mark_known_wrong
from tbie.backends.aws.client import Clients
from tbie.backends.aws.intent import SqsIntent
from tbie.core.clock import Clock
from tbie.intent import IntentQueue
from tbie.testing.aws.server import LocalServer, SharedClock
from tbie.testing.builders import chain
from tbie.testing.conformance.intent import IntentConformance

STAGES = ("a", "b", "c")


class TestSqsIntent(IntentConformance):
    tick_ms = 1_000

    @pytest.fixture
    def clock(self, shared_clock: SharedClock) -> SharedClock:  # noqa: F811
        return shared_clock

    @pytest.fixture(autouse=True)
    def places(self, request: pytest.FixtureRequest, aws_server: LocalServer) -> Iterator[None]:  # noqa: F811
        mark_known_wrong(request, INTENT)
        self._server, self._opened = aws_server, list[Clients]()
        yield
        for clients in self._opened:
            clients.close()

    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        clients = fresh_place(self._server)
        self._opened.append(clients)
        create_intent_place(clients, chain(*STAGES))
        return SqsIntent(clients, clock, retention_s, STAGES)
