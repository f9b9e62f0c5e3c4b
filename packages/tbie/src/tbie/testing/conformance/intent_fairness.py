"""Intent, part 3: turns among tenants. A tenant's next message stands behind its last one, not behind everybody's."""

from __future__ import annotations

from tbie.core.clock import ManualClock
from tbie.intent import Defer, Delete, IntentQueue
from tbie.testing.builders import envelope
from tbie.testing.conformance.fixtures import WithIntent
from tbie.testing.conformance.hands import LEASE_MS, claim, dispose, names


def burst(tenant: str, count: int, start: int = 0) -> list[str]:
    """Item names of one burst."""
    return [f"{tenant}{number:04}" for number in range(start, start + count)]


class Fairness(WithIntent):
    """One tenant's burst does not delay another's first item by more than a bounded share."""

    crowd = 1_000
    """How many wait before the one that must not: fewer where each costs a call."""

    def send(self, intent: IntentQueue, tenant: str, items: list[str]) -> None:
        """Queue *items* of *tenant*."""
        intent.send([envelope(name, tenant) for name in items])

    def order(self, intent: IntentQueue, batch: int = 1) -> list[str]:
        """The tenants in the order in which they are served, everything deleted as it comes."""
        served: list[str] = []
        while messages := claim(intent, batch):
            served += [m.envelope.key.tenant for m in messages]
            dispose(intent, *(Delete(m) for m in messages))
        return served

    def test_one_item_behind_a_crowd_of_another_tenant_is_served_among_the_first(self, intent: IntentQueue) -> None:
        self.send(intent, "big", burst("b", self.crowd))
        self.send(intent, "small", ["only"])
        assert "small" in self.order(intent, 10)[:4]

    def test_a_tenant_that_comes_when_a_burst_is_half_done_need_not_catch_up(self, intent: IntentQueue) -> None:
        self.send(intent, "big", burst("b", 100))
        dispose(intent, *(Delete(m) for m in claim(intent, 50)))
        self.send(intent, "small", burst("s", 3))
        order = self.order(intent)
        assert order[:8].count("small") == 3
        assert len(order) == 53

    def test_tenants_with_equal_bursts_take_turns(self, intent: IntentQueue) -> None:
        for tenant in ("t1", "t2", "t3"):
            self.send(intent, tenant, burst("i", 20))
        order = self.order(intent)
        for turn in range(20):
            assert sorted(order[3 * turn : 3 * turn + 3]) == ["t1", "t2", "t3"]

    def test_within_a_tenant_first_come_is_first_served(self, intent: IntentQueue) -> None:
        for start in (0, 10, 20):
            self.send(intent, "t1", burst("i", 10, start))
        assert names(claim(intent, 100)) == [f"t1/{name}" for name in burst("i", 30)]

    def test_a_message_that_comes_back_late_does_not_let_a_new_burst_overtake_everybody(
        self, intent: IntentQueue, clock: ManualClock
    ) -> None:
        self.send(intent, "old", burst("o", 101))
        first, *rest = claim(intent, 100)
        dispose(intent, Defer(first, clock.now_ms() + LEASE_MS), *(Delete(m) for m in rest))
        clock.advance_ms(LEASE_MS)
        dispose(intent, *(Delete(m) for m in claim(intent, 1)))  # the one that was deferred, with its early turn
        self.send(intent, "new", burst("n", 50))
        assert "old" in self.order(intent)[:3], "99 turns are past; a newcomer starts from the present"

    def test_sending_the_same_intents_again_costs_a_tenant_no_turns(self, intent: IntentQueue) -> None:
        for _ in range(30):
            self.send(intent, "t1", ["again"])
        self.send(intent, "t1", ["next"])
        self.send(intent, "t2", burst("i", 20))
        order = self.order(intent)
        assert order[:4].count("t1") == 2
