"""Truth in DynamoDB keeps the same contract, over real HTTP, under a clock that the test owns and the server follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tbie.backends.aws.client import Clients
from tbie.backends.aws.tables import OF_TRUTH, create_tables
from tbie.backends.aws.truth import DynamoTruth
from tbie.core.clock import Clock
from tbie.core.ids import Ids
from tbie.testing.aws.server import LocalServer, SharedClock
from tbie.testing.aws.session import fresh_place
from tbie.testing.conformance.truth import TruthConformance
from tbie.truth import TruthStore
from tbie.workflow import Workflow


class TestDynamoTruth(TruthConformance):
    numbers_changes = False

    @pytest.fixture(autouse=True)
    def places(self, aws_server: LocalServer) -> None:
        """A place for each folder that a store is opened in."""
        self._server, self._opened = aws_server, dict[Path, Clients]()

    @pytest.fixture
    def clock(self, shared_clock: SharedClock) -> SharedClock:
        return shared_clock

    def make_truth(self, workflow: Workflow, clock: Clock, ids: Ids, folder: Path) -> TruthStore:
        if folder not in self._opened:
            self._opened[folder] = fresh_place(self._server)
            create_tables(self._opened[folder], OF_TRUTH)
        return DynamoTruth(self._opened[folder], workflow, clock, ids)
