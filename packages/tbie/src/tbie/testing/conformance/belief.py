"""What every ``BeliefSource`` must do: look at every queue and every fleet, and never turn "unreadable" into a number."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tbie.belief import BeliefSource
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.keys import ItemKey
from tbie.core.reading import Depth, FleetView, Known, Reading, Unknown
from tbie.execution import Fleet
from tbie.intent import IntentQueue, Presence
from tbie.testing.builders import chain, envelope
from tbie.testing.conformance.fixtures import WithIntent
from tbie.testing.conformance.hands import claim
from tbie.workflow import Workflow

WORKFLOW = chain("a", "b")


class StillFleet:
    """A fleet whose view is what a test wrote; it starts nobody."""

    def __init__(self, view: Reading[FleetView]) -> None:
        self.answer = view
        self.asked: dict[str, int] = {}

    def set_desired(self, pool: str, workers: int) -> None:
        """Note it."""
        self.asked[pool] = workers

    def view(self, pool: str) -> Reading[FleetView]:
        """The answer, whatever the pool."""
        del pool
        return self.answer


class BlindIntent:
    """A queue whose readings fail; everything else goes to *queue*."""

    def __init__(self, queue: IntentQueue, error: str = "access denied") -> None:
        self._queue, self.error, self.blind = queue, error, True
        self.send, self.exchange, self.extend = queue.send, queue.exchange, queue.extend
        self.release_owner, self.dead_letters = queue.release_owner, queue.dead_letters
        self.expire, self.purge, self.close = queue.expire, queue.purge, queue.close

    def depth(self, stage: str) -> Reading[Depth]:
        """Unknown while blind."""
        return Unknown(self.error, "queue", 0) if self.blind else self._queue.depth(stage)

    def presence(self, stage: str, keys: list[ItemKey]) -> Reading[Mapping[ItemKey, Presence]]:
        """Unknown while blind."""
        return Unknown(self.error, "queue", 0) if self.blind else self._queue.presence(stage, keys)


class BeliefConformance(WithIntent):
    """Subclass it and override ``make_intent`` and ``make_belief``."""

    def make_belief(self, workflow: Workflow, intent: IntentQueue, fleet: Fleet | None) -> BeliefSource:
        """Readings of *intent* and *fleet*."""
        raise NotImplementedError("say how this backend's belief is made")

    @pytest.fixture
    def fleet(self, clock: ManualClock) -> StillFleet:
        """Two wanted, one running, busy."""
        return StillFleet(Known(FleetView(2, 1, 1), "fleet", clock.now_ms()))

    def test_every_queue_and_every_pool_is_read(self, intent: IntentQueue, fleet: StillFleet) -> None:
        intent.send([envelope("i1"), envelope("i2"), envelope("i1", stage="b")])
        claim(intent, 1)
        beliefs = self.make_belief(WORKFLOW, intent, fleet).read()
        depths = {stage: r.value.live if isinstance(r, Known) else None for stage, r in beliefs.queues.items()}
        assert depths == {"a": 2, "b": 1}
        assert beliefs.fleets == {"default": fleet.answer}
        assert beliefs.unreadable == ()

    def test_a_reading_is_taken_anew_each_time(self, intent: IntentQueue, clock: ManualClock) -> None:
        belief = self.make_belief(WORKFLOW, intent, None)
        belief.read()
        intent.send([envelope()])
        clock.advance_ms(5)
        reading = belief.read().queues["a"]
        assert isinstance(reading, Known)
        assert (reading.value.visible, reading.at_ms) == (1, clock.now_ms())

    def test_without_a_fleet_nothing_is_said_of_fleets(self, intent: IntentQueue) -> None:
        assert self.make_belief(WORKFLOW, intent, None).read().fleets == {}

    def test_a_queue_that_cannot_be_read_is_unknown_and_named(self, intent: IntentQueue, fleet: StillFleet) -> None:
        blind = BlindIntent(intent, "access denied")
        beliefs = self.make_belief(WORKFLOW, blind, fleet).read()  # type: ignore[arg-type]
        assert all(isinstance(reading, Unknown) for reading in beliefs.queues.values())
        assert len(beliefs.unreadable) == 2
        assert all("access denied" in line for line in beliefs.unreadable)
        assert isinstance(beliefs.fleets["default"], Known), "one blind eye does not close the other"

    def test_a_fleet_that_cannot_be_read_is_unknown_and_named(self, intent: IntentQueue, fleet: StillFleet) -> None:
        fleet.answer = Unknown("no such group", "fleet", 0)
        beliefs = self.make_belief(WORKFLOW, intent, fleet).read()
        assert beliefs.fleets == {"default": fleet.answer}
        assert beliefs.unreadable == ("fleet (default): no such group",)
        assert all(isinstance(reading, Known) for reading in beliefs.queues.values())

    def test_looking_changes_nothing(self, intent: IntentQueue, fleet: StillFleet, ids: SequentialIds) -> None:
        intent.send([envelope(token=ids.token())])
        belief = self.make_belief(WORKFLOW, intent, fleet)
        assert belief.read() == belief.read()
        assert fleet.asked == {}
        assert len(claim(intent)) == 1
