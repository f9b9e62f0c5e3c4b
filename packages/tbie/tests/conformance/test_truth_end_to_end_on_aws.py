"""Truth in DynamoDB under the real reconciler and worker, with a queue in memory. All of the suite takes ten minutes of a busy
machine over HTTP; these are the lives of items. Both stores on AWS are tried together elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tbie.backends.aws.client import Clients
from tbie.backends.aws.tables import OF_TRUTH, create_tables
from tbie.backends.aws.truth import DynamoTruth
from tbie.backends.memory.intent import MemoryIntent
from tbie.core.clock import Clock, ManualClock
from tbie.core.ids import Ids
from tbie.intent import IntentQueue
from tbie.testing.aws.server import LocalServer
from tbie.testing.aws.session import Site
from tbie.testing.conformance.end_to_end_lives import Lives
from tbie.truth import TruthStore
from tbie.workflow import Workflow


class TestDynamoTruthWithAQueueInMemory(Lives):
    @pytest.fixture(autouse=True)
    def places(self, aws_server: LocalServer, aws_site: Site) -> None:
        """A place for each folder that a store is opened in. Not on an account: its stream lags, and time here does not."""
        self._site, self._opened = aws_site, dict[Path, Clients]()

    @pytest.fixture
    def clock(self, shared_clock: ManualClock) -> ManualClock:
        return shared_clock

    def make_truth(self, workflow: Workflow, clock: Clock, ids: Ids, folder: Path) -> TruthStore:
        if folder not in self._opened:
            self._opened[folder] = self._site.place()
            create_tables(self._opened[folder], OF_TRUTH)
        return DynamoTruth(self._opened[folder], workflow, clock, ids)

    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        return MemoryIntent(clock, retention_s)
