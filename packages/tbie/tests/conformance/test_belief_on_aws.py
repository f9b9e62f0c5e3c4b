"""Belief over SQS keeps the same contract as every other, over real HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from tbie.backends.aws.belief import belief
from tbie.belief import BeliefSource
from tbie.core.clock import Clock, ManualClock
from tbie.execution import Fleet
from tbie.intent import IntentQueue
from tbie.testing.aws.patient import make_queues
from tbie.testing.aws.session import Site
from tbie.testing.builders import chain
from tbie.testing.conformance.belief import BeliefConformance
from tbie.workflow import Workflow


class TestAwsBelief(BeliefConformance):
    @pytest.fixture
    def clock(self, queue_clock: ManualClock) -> ManualClock:
        return queue_clock

    @pytest.fixture(autouse=True)
    def places(self, aws_site: Site) -> None:
        self._site = aws_site

    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        return make_queues(self._site, chain("a", "b"), clock, retention_s)

    def make_belief(self, workflow: Workflow, intent: IntentQueue, fleet: Fleet | None) -> BeliefSource:
        return belief(workflow, intent, fleet)
