"""Intent on SQS keeps the contract of every queue, over real HTTP, on a clock that the test owns."""

from __future__ import annotations

from pathlib import Path

import pytest

from packages.tbie.tests.conformance.aws_known_wrong import mark_known_wrong
from tbie.core.clock import Clock, ManualClock
from tbie.intent import IntentQueue
from tbie.testing.aws.patient import make_queues
from tbie.testing.aws.session import Site
from tbie.testing.builders import chain
from tbie.testing.conformance.intent import IntentConformance


class TestSqsIntent(IntentConformance):
    tick_ms = 1_000
    crowd = 100

    @pytest.fixture
    def clock(self, queue_clock: ManualClock) -> ManualClock:
        return queue_clock

    @pytest.fixture(autouse=True)
    def places(self, request: pytest.FixtureRequest, aws_site: Site) -> None:
        mark_known_wrong(request, aws_site.is_live)
        self._site = aws_site

    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        return make_queues(self._site, chain("a", "b", "c"), clock, retention_s)
