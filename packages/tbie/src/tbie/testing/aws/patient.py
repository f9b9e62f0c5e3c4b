"""Stores that wait for what an account shows late, so that the suites, which look at once, are told what is true.

On a local server, where nothing is late, the stores themselves are used.
"""

from __future__ import annotations

from collections.abc import Sequence

from tbie.backends.aws.client import Clients
from tbie.backends.aws.intent import SqsIntent
from tbie.backends.aws.queues import create_queues
from tbie.backends.aws.tables import create_tables
from tbie.backends.aws.truth import DynamoTruth
from tbie.core.clock import Clock, SystemClock
from tbie.core.ids import Ids
from tbie.core.reading import Depth, Reading
from tbie.core.settings import Settings
from tbie.intent import Claim, Disposal, Envelope, IntentQueue, Message
from tbie.testing.aws.account import Patience, rest
from tbie.testing.aws.session import Site
from tbie.truth import OpenStage
from tbie.workflow import Workflow

LONGER = 30
"""Times a lease of the suite: waiting for a count takes longer than one lasts. Its end is not tried where nobody moves time."""


class PatientTruth(DynamoTruth):
    """A stream shows a change after a second or so."""

    patience = Patience()

    def opened_since(self, seq: int, limit: int) -> tuple[list[OpenStage], int]:
        rest(self.patience.stream_s)
        return super().opened_since(seq, limit)

    def last_seq(self) -> int:
        rest(self.patience.stream_s)
        return super().last_seq()


class PatientIntent(SqsIntent):
    """Counts are read when they are right; a claim asks until a receive that waited brings nothing."""

    patience = Patience()
    _real = SystemClock()
    _changed_s = float("-inf")

    def _changed(self) -> None:
        self._changed_s = self._real.monotonic_s()

    def _settle_counts(self) -> None:
        rest(self._changed_s + self.patience.counts_s - self._real.monotonic_s())

    def send(self, envelopes: Sequence[Envelope]) -> int:
        self._changed()
        return super().send(envelopes)

    def exchange(self, disposals: Sequence[Disposal], claims: Sequence[Claim]) -> list[Message]:
        self._changed()
        super().exchange(disposals, ())
        for claim in claims:
            found: list[Message] = []
            while len(found) < claim.limit:
                wish = claim._replace(limit=claim.limit - len(found), lease_s=claim.lease_s * LONGER)
                more = super().exchange((), (wish,))
                if not more:
                    break
                found += more
            if found:
                return found
        return []

    def extend(self, messages: Sequence[Message], lease_s: float) -> int:
        return super().extend(messages, lease_s * LONGER)

    def release_owner(self, owner: str, except_tokens: tuple[str, ...] = ()) -> list[Message]:
        self._changed()
        return super().release_owner(owner, except_tokens)

    def depth(self, stage: str) -> Reading[Depth]:
        self._settle_counts()
        return super().depth(stage)

    def purge(self, stage: str | None = None) -> int:
        self._settle_counts()  # it says how many there were
        gone = super().purge(stage)
        rest(self.patience.counts_s)
        return gone


def make_truth(site: Site, clients: Clients, workflow: Workflow, clock: Clock, ids: Ids) -> DynamoTruth:
    """Truth in a place whose tables are there."""
    if not site.is_live:
        return DynamoTruth(clients, workflow, clock, ids)
    truth = PatientTruth(clients, workflow, clock, ids)
    truth.patience = site.patience
    return truth


def make_queues(site: Site, workflow: Workflow, clock: Clock, retention_s: float) -> IntentQueue:
    """Intent in a place of its own on *site*, with a queue for each stage of *workflow*."""
    clients = site.place()
    create_tables(clients, ("register",))
    create_queues(clients, workflow, Settings())
    stages = [stage.name for stage in workflow.stages]
    if not site.is_live:
        return SqsIntent(clients, clock, retention_s, stages)
    rest(site.patience.made_s)
    queues = PatientIntent(clients, clock, retention_s, stages, wait_s=site.patience.poll_s)
    queues.patience = site.patience
    return queues
