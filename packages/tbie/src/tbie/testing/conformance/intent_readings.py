"""Intent, part 4: what may be read of a queue. Every number is a reading: known with source and time, or unknown."""

from __future__ import annotations

from typing import ClassVar

from tbie.core.clock import ManualClock
from tbie.core.keys import Address
from tbie.core.reading import Depth, Known, Unknown
from tbie.intent import Bury, Defer, IntentQueue, Presence
from tbie.testing.builders import BUCKET, envelope, key
from tbie.testing.conformance.fixtures import WithIntent
from tbie.testing.conformance.hands import LEASE_MS, claim, depth, dispose, present, take
from tbie.testing.conformance.truth_strings import HOSTILE


class Readings(WithIntent):
    """Depth and presence."""

    sees_presence: ClassVar[bool] = True
    """False for a backend that cannot look up single messages: it must then say so, not answer "nothing"."""

    def test_an_empty_queue_is_known_to_be_empty(self, intent: IntentQueue, clock: ManualClock) -> None:
        reading = intent.depth("a")
        assert isinstance(reading, Known)
        assert (reading.value, reading.at_ms) == (Depth(0, 0, 0, 0, None), clock.now_ms())
        assert reading.source

    def test_depth_counts_by_condition(self, intent: IntentQueue, clock: ManualClock) -> None:
        intent.send([envelope(f"i{n}") for n in range(6)])
        intent.send([envelope("later", not_before_ms=clock.now_ms() + 90_000)])
        held = claim(intent, 3)
        dispose(intent, Bury(held[0], "r", {}), Defer(held[1], clock.now_ms() + 80_000))
        clock.advance_ms(LEASE_MS - 1)
        assert depth(intent) == Depth(visible=3, in_flight=1, delayed=2, dead=1, oldest_ms=LEASE_MS - 1)
        assert depth(intent).live == 6
        clock.advance_ms(1)
        now = depth(intent)
        assert (now.visible, now.in_flight, now.delayed) == (4, 0, 2), "a lease that ended is visible without a claim"
        assert depth(intent, "b") == Depth(0, 0, 0, 0, None)

    def test_the_age_of_the_oldest_visible_message_ignores_those_in_flight(
        self, intent: IntentQueue, clock: ManualClock
    ) -> None:
        intent.send([envelope("i1")])
        clock.advance_ms(100)
        intent.send([envelope("i2")])
        clock.advance_ms(10)
        assert depth(intent).oldest_ms == 110
        take(intent)
        assert depth(intent).oldest_ms == 10

    def test_a_message_that_was_put_off_grows_old_from_the_moment_it_is_due(
        self, intent: IntentQueue, clock: ManualClock
    ) -> None:
        intent.send([envelope("i1"), envelope("i2", not_before_ms=clock.now_ms() + 90_000)])
        dispose(intent, Defer(take(intent), clock.now_ms() + 80_000))
        clock.advance_ms(80_005)
        assert depth(intent).oldest_ms == 5

    def test_presence_tells_live_from_dead_from_absent(self, intent: IntentQueue, clock: ManualClock) -> None:
        if not self.sees_presence:
            assert isinstance(intent.presence("a", [key()]), Unknown)
            return
        sent_ms = clock.now_ms()
        intent.send([envelope(name) for name in ("visible", "held", "dead")])
        clock.advance_ms(7)
        intent.send([envelope("later", not_before_ms=clock.now_ms() + 1_000), envelope("elsewhere", stage="b")])
        by_name = {m.envelope.key.item: m for m in claim(intent, 3)}
        dispose(intent, Bury(by_name["dead"], "crash", {"signal": 9}), Defer(by_name["visible"], 0))
        asked = [key(name) for name in ("visible", "held", "dead", "later", "elsewhere", "nobody")]
        assert present(intent, *asked) == {
            key("visible"): Presence("a/t1/visible", False, 1, None, Address(BUCKET, "visible"), sent_ms),
            key("held"): Presence("a/t1/held", False, 1, None, Address(BUCKET, "held"), sent_ms),
            key("dead"): Presence("a/t1/dead", True, 1, {"reason": "crash", "signal": 9}, Address(BUCKET, "dead")),
            key("later"): Presence("a/t1/later", False, 0, None, Address(BUCKET, "later"), sent_ms + 7),
        }
        assert present(intent) == {}
        assert present(intent, key("visible", "another tenant")) == {}

    def test_presence_tells_where_a_message_sends_its_worker_also_after_it_was_sent_anew(
        self, intent: IntentQueue, clock: ManualClock
    ) -> None:
        if not self.sees_presence:
            return
        wrong = envelope(token="old")._replace(address=Address("elsewhere", "i1"))
        intent.send([wrong])
        assert present(intent, key())[key()].address == Address("elsewhere", "i1")
        clock.advance_ms(10)
        intent.send([envelope(token="new")])
        found = present(intent, key())[key()]
        assert (found.token, found.address, found.sent_ms) == ("new", envelope().address, clock.now_ms())

    def test_presence_finds_hostile_names(self, intent: IntentQueue) -> None:
        intent.send([envelope(name, name, token=f"token{n}") for n, name in enumerate(HOSTILE)])
        if self.sees_presence:
            asked = [key(name, name) for name in HOSTILE]
            found = present(intent, *asked)
            assert {k: p.token for k, p in found.items()} == {k: f"token{n}" for n, k in enumerate(asked)}
        assert {m.envelope.key.item for m in claim(intent, 100)} == set(HOSTILE)

    def test_presence_answers_for_a_whole_page(self, intent: IntentQueue) -> None:
        intent.send([envelope(f"i{n}") for n in range(0, 1_000, 2)])
        if self.sees_presence:
            assert len(present(intent, *(key(f"i{n}") for n in range(1_000)))) == 500
