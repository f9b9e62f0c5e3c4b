"""Belief over SQS keeps the same contract as every other, over real HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from tbie.backends.aws.belief import belief
from tbie.backends.aws.intent import SqsIntent
from tbie.backends.aws.queues import create_queues
from tbie.backends.aws.tables import create_tables
from tbie.belief import BeliefSource
from tbie.core.clock import Clock
from tbie.core.settings import Settings
from tbie.execution import Fleet
from tbie.intent import IntentQueue
from tbie.testing.aws.server import LocalServer, SharedClock
from tbie.testing.aws.session import fresh_place
from tbie.testing.builders import chain
from tbie.testing.conformance.belief import BeliefConformance
from tbie.workflow import Workflow


class TestAwsBelief(BeliefConformance):
    @pytest.fixture
    def clock(self, shared_clock: SharedClock) -> SharedClock:
        return shared_clock

    @pytest.fixture(autouse=True)
    def places(self, aws_server: LocalServer) -> None:
        self._server = aws_server

    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        clients = fresh_place(self._server)
        create_tables(clients, ("register",))
        create_queues(clients, chain("a", "b"), Settings())
        return SqsIntent(clients, clock, retention_s, ("a", "b"))

    def make_belief(self, workflow: Workflow, intent: IntentQueue, fleet: Fleet | None) -> BeliefSource:
        return belief(workflow, intent, fleet)
