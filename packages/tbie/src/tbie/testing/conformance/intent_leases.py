"""Intent, part 1: sending, claiming, leases, and what becomes of a message that was claimed."""

from __future__ import annotations

import pytest

from tbie.core.clock import ManualClock
from tbie.core.reading import Depth
from tbie.intent import Bury, Claim, Defer, Delete, Disposal, Hold, IntentQueue, Message, Release
from tbie.testing.builders import envelope
from tbie.testing.conformance.fixtures import WithIntent
from tbie.testing.conformance.hands import LEASE_MS, LEASE_S, claim, depth, dispose, names, take


class Leases(WithIntent):
    """From sent to settled."""

    def test_a_message_arrives_as_it_was_sent(self, intent: IntentQueue, clock: ManualClock) -> None:
        sent = envelope("ünï/☂ '\"\n", "t%")._replace(generation=7, version="v9", expected="a,b")
        assert intent.send([sent]) == 1
        clock.advance_ms(5)
        message = take(intent)
        assert message.envelope == sent
        assert (message.receives, message.sent_ms) == (1, clock.now_ms() - 5)
        assert intent.send([]) == 0

    def test_a_claimed_message_is_hidden_until_its_lease_ends(self, intent: IntentQueue, clock: ManualClock) -> None:
        intent.send([envelope()])
        first = take(intent, "w1")
        assert claim(intent, owner="w2") == []
        clock.advance_ms(LEASE_MS - 1)
        assert claim(intent, owner="w2") == []
        clock.advance_ms(1)
        second = take(intent, "w2")
        assert second.envelope == first.envelope
        assert second.receives == 2
        assert second.receipt != first.receipt

    def test_the_same_token_is_not_queued_twice(self, intent: IntentQueue) -> None:
        assert intent.send([envelope(), envelope()]) == 1
        assert intent.send([envelope()]) == 0
        take(intent)
        assert intent.send([envelope()]) == 0, "nor while somebody works on it"
        assert claim(intent) == []

    def test_a_new_token_supersedes_the_message_even_in_flight(self, intent: IntentQueue) -> None:
        intent.send([envelope(token="old")])
        old = take(intent, "w1")
        assert intent.send([envelope(token="new")]) == 1
        new = take(intent, "w2")
        assert (new.envelope.token, new.receives) == ("new", 1)
        dispose(intent, Delete(old))
        assert depth(intent).in_flight == 1, "the old receipt deletes nothing of the new message"

    def test_stages_and_tenants_do_not_share_messages(self, intent: IntentQueue) -> None:
        sent = [envelope("i1", "t1"), envelope("i1", "t2"), envelope("i1", "t1", "b"), envelope("i2", "t1")]
        assert intent.send(sent) == 4
        assert sorted(names(claim(intent))) == ["t1/i1", "t1/i2", "t2/i1"]
        assert names(claim(intent, stage="b")) == ["t1/i1"]

    def test_a_claim_takes_no_more_than_its_limit(self, intent: IntentQueue) -> None:
        intent.send([envelope(f"i{n}") for n in range(5)])
        assert [len(claim(intent, 2)) for _ in range(4)] == [2, 2, 1, 0]

    def test_the_first_claim_that_yields_anything_is_the_one_served(self, intent: IntentQueue) -> None:
        intent.send([envelope("i1", stage="a"), envelope("i2", stage="b")])
        wishes = tuple(Claim(stage, "w1", 5, LEASE_S, 3) for stage in ("c", "b", "a"))
        assert names(intent.exchange((), wishes)) == ["t1/i2"]
        assert names(intent.exchange((), wishes)) == ["t1/i1"]
        assert intent.exchange((), wishes) == []

    def test_settling_and_claiming_happen_in_one_step_in_this_order(self, intent: IntentQueue) -> None:
        intent.send([envelope("i1"), envelope("i2")])
        first, second = claim(intent, 2)
        wish = Claim("a", "w1", 5, LEASE_S, 3)
        assert names(intent.exchange((Release(first), Delete(second)), (wish,))) == ["t1/i1"]

    def test_a_message_may_be_sent_for_later(self, intent: IntentQueue, clock: ManualClock) -> None:
        intent.send([envelope(not_before_ms=clock.now_ms() + 500 * self.tick_ms)])
        assert claim(intent) == []
        clock.advance_ms(500 * self.tick_ms - 1)
        assert claim(intent) == []
        clock.advance_ms(1)
        assert take(intent).receives == 1

    def test_a_deferred_message_counts_and_comes_back_at_its_time(
        self, intent: IntentQueue, clock: ManualClock
    ) -> None:
        intent.send([envelope()])
        dispose(intent, Defer(take(intent), clock.now_ms() + 500 * self.tick_ms))
        clock.advance_ms(500 * self.tick_ms - 1)
        assert claim(intent) == []
        clock.advance_ms(1)
        assert take(intent).receives == 2

    def test_a_message_deferred_to_the_past_is_visible_at_once(self, intent: IntentQueue) -> None:
        intent.send([envelope()])
        dispose(intent, Defer(take(intent), 0))
        assert take(intent).receives == 2

    def test_a_released_message_is_visible_at_once_and_the_receive_does_not_count(self, intent: IntentQueue) -> None:
        intent.send([envelope()])
        for _ in range(5):
            message = take(intent)
            assert message.receives == 1
            dispose(intent, Release(message))

    def test_a_held_message_is_hidden_until_its_time_and_the_receive_does_not_count(
        self, intent: IntentQueue, clock: ManualClock
    ) -> None:
        intent.send([envelope()])
        for _ in range(5):
            message = take(intent)
            assert message.receives == 1
            dispose(intent, Hold(message, clock.now_ms() + 500 * self.tick_ms))
            assert depth(intent) == Depth(visible=0, in_flight=0, delayed=1, dead=0, oldest_ms=None)
            clock.advance_ms(500 * self.tick_ms - 1)
            assert claim(intent) == []
            clock.advance_ms(1)

    def test_a_message_held_to_the_past_is_visible_at_once(self, intent: IntentQueue, clock: ManualClock) -> None:
        intent.send([envelope()])
        dispose(intent, Hold(take(intent), clock.now_ms()))
        assert take(intent).receives == 1

    def test_a_held_message_keeps_its_turn(self, intent: IntentQueue, clock: ManualClock) -> None:
        intent.send([envelope("i1"), envelope("i2"), envelope("i3")])
        dispose(intent, Hold(take(intent), clock.now_ms() + 500 * self.tick_ms))
        clock.advance_ms(500 * self.tick_ms)
        assert names(claim(intent)) == ["t1/i1", "t1/i2", "t1/i3"]

    def test_nobody_s_lease_on_a_held_message_can_be_extended(self, intent: IntentQueue, clock: ManualClock) -> None:
        intent.send([envelope()])
        message = take(intent)
        dispose(intent, Hold(message, clock.now_ms() + 500 * self.tick_ms))
        assert intent.extend([message], LEASE_S) == 0
        assert intent.release_owner("w1") == []
        assert depth(intent).delayed == 1, "its owner's death does not shorten the pause"

    def test_a_deleted_message_is_gone(self, intent: IntentQueue, clock: ManualClock) -> None:
        intent.send([envelope()])
        dispose(intent, Delete(take(intent)))
        clock.advance_ms(LEASE_MS * 2)
        assert claim(intent) == []
        assert depth(intent).live == 0

    @pytest.mark.parametrize("kind", ["delete", "defer", "bury", "release", "hold"])
    def test_settling_with_a_stale_receipt_changes_nothing(
        self, intent: IntentQueue, clock: ManualClock, kind: str
    ) -> None:
        intent.send([envelope()])
        stale = take(intent, "w1")
        clock.advance_ms(LEASE_MS)
        live = take(intent, "w2")
        before = depth(intent)
        dispose(intent, self._disposal(kind, stale, clock))
        assert depth(intent) == before
        assert claim(intent) == []
        dispose(intent, Release(live))
        assert take(intent).receives == 2, "the receive count is still that of the second receive"

    @pytest.mark.parametrize("first", ["defer", "release", "hold"])
    @pytest.mark.parametrize("second", ["delete", "defer", "bury", "release", "hold"])
    def test_a_message_given_back_is_no_longer_ours_to_settle(
        self, intent: IntentQueue, clock: ManualClock, first: str, second: str
    ) -> None:
        intent.send([envelope()])
        message = take(intent)
        dispose(intent, self._disposal(first, message, clock))
        before = depth(intent)
        dispose(intent, self._disposal(second, message, clock))
        assert depth(intent) == before
        clock.advance_ms(LEASE_MS)
        assert take(intent).receives == (2 if first == "defer" else 1)

    def test_an_extended_lease_holds_on(self, intent: IntentQueue, clock: ManualClock) -> None:
        intent.send([envelope("i1"), envelope("i2")])
        messages = claim(intent, 2)
        clock.advance_ms(LEASE_MS - 1)
        assert intent.extend(messages[:1], LEASE_S) == 1
        clock.advance_ms(LEASE_MS - 1)
        assert names(claim(intent, owner="w2")) == names(messages[1:])
        clock.advance_ms(1)
        assert names(claim(intent, owner="w3")) == names(messages[:1])

    def test_a_lease_that_somebody_else_has_now_cannot_be_extended(
        self, intent: IntentQueue, clock: ManualClock
    ) -> None:
        intent.send([envelope("i1"), envelope("i2"), envelope("i3")])
        lost, deleted, kept = claim(intent, 3)
        clock.advance_ms(LEASE_MS - 1)
        assert intent.extend([deleted, kept], LEASE_S) == 2
        clock.advance_ms(1)
        assert names(claim(intent, owner="w2")) == names([lost])
        dispose(intent, Delete(deleted))
        assert intent.extend([lost, deleted, kept], LEASE_S) == 1
        assert intent.extend([], LEASE_S) == 0

    def test_what_a_dead_owner_held_is_visible_at_once_and_uncounted(self, intent: IntentQueue) -> None:
        intent.send([envelope(f"i{n}") for n in range(3)])
        dead, alive = claim(intent, 2, owner="dead"), claim(intent, 1, owner="alive")
        assert sorted(names(intent.release_owner("dead"))) == sorted(names(dead))
        assert intent.release_owner("dead") == []
        assert intent.release_owner("nobody") == []
        again = claim(intent, owner="w3")
        assert sorted(names(again)) == sorted(names(dead))
        assert [m.receives for m in again] == [1, 1]
        assert intent.extend(alive, LEASE_S) == 1

    def test_the_message_that_a_dead_owner_was_working_on_is_left_to_the_caller(self, intent: IntentQueue) -> None:
        intent.send([envelope("i1"), envelope("i2")])
        killer, mate = claim(intent, 2, owner="dead")
        held = intent.release_owner("dead", (killer.envelope.token,))
        assert sorted(names(held)) == sorted(names([killer, mate])), "all it held, this one included"
        assert names(claim(intent, owner="w2")) == names([mate])
        (same,) = [m for m in held if m.envelope == killer.envelope]
        dispose(intent, Bury(same, "worker_died", {"signal": 9}))
        assert [letter.envelope for letter in intent.dead_letters("a")] == [killer.envelope]

    def test_several_messages_that_a_dead_owner_was_working_on_are_left_to_the_caller(
        self, intent: IntentQueue
    ) -> None:
        intent.send([envelope(f"i{n}") for n in range(5)])
        held = claim(intent, 5, owner="dead")
        suspects = tuple(m.envelope.token for m in held[1:4])
        assert len(intent.release_owner("dead", (*suspects, "of nobody"))) == 5
        assert sorted(names(claim(intent, 5, owner="w2"))) == sorted(names([held[0], held[4]]))
        assert sorted(names(intent.release_owner("dead", suspects))) == sorted(names(held[1:4])), "still there"
        dispose(intent, *(Defer(m, 0) for m in held[1:4]))
        assert [m.receives for m in claim(intent, 5, owner="w3")] == [2, 2, 2], "that receive counts"

    def test_a_worker_taken_for_dead_gives_nothing_back_a_second_time(self, intent: IntentQueue) -> None:
        intent.send([envelope()])
        message = take(intent, "slow")
        intent.release_owner("slow")
        dispose(intent, Release(message))
        assert take(intent).receives == 1

    @staticmethod
    def _disposal(kind: str, message: Message, clock: ManualClock) -> Disposal:
        match kind:
            case "delete":
                return Delete(message)
            case "defer":
                return Defer(message, clock.now_ms() + 1)
            case "bury":
                return Bury(message, "test", {})
            case "hold":
                return Hold(message, clock.now_ms() + 1)
            case _:
                return Release(message)
