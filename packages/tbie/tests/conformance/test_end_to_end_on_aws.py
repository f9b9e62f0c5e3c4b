"""Truth in DynamoDB and Intent in SQS together, under reconciler and worker, while things go wrong.

Where the suite tries every step at which somebody may die, one in four or fewer is tried here: a step takes seconds over HTTP,
and each store passes its own suite. ``PARJANYA_EVERYTHING=1`` tries them all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tbie.backends.aws.client import Clients
from tbie.backends.aws.intent import SqsIntent
from tbie.backends.aws.queues import create_queues
from tbie.backends.aws.tables import OF_TRUTH, create_tables
from tbie.backends.aws.truth import DynamoTruth
from tbie.core.clock import Clock
from tbie.core.ids import Ids
from tbie.core.settings import Settings
from tbie.intent import IntentQueue
from tbie.testing.aws.server import LocalServer, SharedClock
from tbie.testing.aws.session import fresh_place
from tbie.testing.conformance.end_to_end import EndToEndConformance
from tbie.testing.conformance.worlds import Worlds
from tbie.testing.on_demand import EVERYTHING
from tbie.truth import TruthStore
from tbie.workflow import Workflow

MOMENTS = range(8) if EVERYTHING else (5,)
WORKER_CALLS = range(1, 5) if EVERYTHING else (2,)
RECONCILER_CALLS = range(1, 4) if EVERYTHING else (2,)


class TestAws(EndToEndConformance):
    numbers_changes = False

    @pytest.fixture(autouse=True)
    def places(self, aws_server: LocalServer) -> None:
        """One place for the stores of one folder; its workflow is known once Truth was made."""
        self._server, self._opened = aws_server, dict[Path, tuple[Clients, Workflow]]()

    @pytest.fixture
    def clock(self, shared_clock: SharedClock) -> SharedClock:
        return shared_clock

    def make_truth(self, workflow: Workflow, clock: Clock, ids: Ids, folder: Path) -> TruthStore:
        if folder not in self._opened:
            clients = fresh_place(self._server)
            self._opened[folder] = (clients, workflow)
            create_tables(clients, (*OF_TRUTH, "register"))
            create_queues(clients, workflow, Settings())
        return DynamoTruth(self._opened[folder][0], workflow, clock, ids)

    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        clients, workflow = self._opened[folder]
        return SqsIntent(clients, clock, retention_s, [stage.name for stage in workflow.stages])

    @pytest.mark.parametrize("moment", MOMENTS)
    def test_the_queue_may_be_destroyed_at_any_step(self, worlds: Worlds, moment: int) -> None:
        super().test_the_queue_may_be_destroyed_at_any_step(worlds, moment)

    @pytest.mark.parametrize("call", WORKER_CALLS)
    @pytest.mark.parametrize("point", ["before", "after"])
    @pytest.mark.parametrize("store", ["truth.commit", "intent.exchange", "truth.get"])
    def test_a_worker_may_die_at_any_step(self, worlds: Worlds, store: str, point: str, call: int) -> None:
        super().test_a_worker_may_die_at_any_step(worlds, store, point, call)

    @pytest.mark.parametrize("call", RECONCILER_CALLS)
    @pytest.mark.parametrize("point", ["before", "after"])
    @pytest.mark.parametrize("store", ["truth.commit", "intent.send"])
    def test_a_reconciler_may_die_at_any_step(self, worlds: Worlds, store: str, point: str, call: int) -> None:
        super().test_a_reconciler_may_die_at_any_step(worlds, store, point, call)
