"""Truth in DynamoDB keeps the same contract, over real HTTP, under a clock that the test owns and the server follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tbie.backends.aws.client import Clients
from tbie.backends.aws.tables import OF_TRUTH, create_tables
from tbie.core.clock import Clock, ManualClock
from tbie.core.ids import Ids
from tbie.testing.aws.patient import make_truth
from tbie.testing.aws.session import Site
from tbie.testing.conformance.truth import TruthConformance
from tbie.truth import TruthStore
from tbie.workflow import Workflow


class TestDynamoTruth(TruthConformance):
    numbers_changes = False

    @pytest.fixture(autouse=True)
    def places(self, aws_site: Site) -> None:
        """A place for each folder that a store is opened in."""
        self._site, self._opened = aws_site, dict[Path, Clients]()

    @pytest.fixture
    def clock(self, shared_clock: ManualClock) -> ManualClock:
        return shared_clock

    def make_truth(self, workflow: Workflow, clock: Clock, ids: Ids, folder: Path) -> TruthStore:
        if folder not in self._opened:
            self._opened[folder] = self._site.place()
            create_tables(self._opened[folder], OF_TRUTH)
        return make_truth(self._site, self._opened[folder], workflow, clock, ids)
