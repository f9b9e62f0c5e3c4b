"""Belief over SQS keeps the same contract as every other, over real HTTP."""

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
from tbie.backends.aws.belief import belief
from tbie.backends.aws.client import Clients
from tbie.backends.aws.intent import SqsIntent
from tbie.belief import BeliefSource
from tbie.core.clock import Clock
from tbie.execution import Fleet
from tbie.intent import IntentQueue
from tbie.testing.aws.server import LocalServer, SharedClock
from tbie.testing.builders import chain
from tbie.testing.conformance.belief import BeliefConformance
from tbie.workflow import Workflow


class TestAwsBelief(BeliefConformance):
    @pytest.fixture
    def clock(self, shared_clock: SharedClock) -> SharedClock:  # noqa: F811
        return shared_clock

    @pytest.fixture(autouse=True)
    def places(self, aws_server: LocalServer) -> Iterator[None]:  # noqa: F811
        self._server, self._opened = aws_server, list[Clients]()
        yield
        for clients in self._opened:
            clients.close()

    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        clients = fresh_place(self._server)
        self._opened.append(clients)
        create_intent_place(clients, chain("a", "b"))
        return SqsIntent(clients, clock, retention_s, ("a", "b"))

    def make_belief(self, workflow: Workflow, intent: IntentQueue, fleet: Fleet | None) -> BeliefSource:
        return belief(workflow, intent, fleet)
