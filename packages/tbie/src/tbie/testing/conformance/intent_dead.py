"""Intent, part 2: receives are bounded, the dead are kept with their evidence, and old messages expire."""

from __future__ import annotations

from tbie.core.clock import ManualClock
from tbie.intent import Bury, Claim, Delete, IntentQueue, Presence, Release
from tbie.testing.builders import RETENTION_S, envelope, key
from tbie.testing.conformance.fixtures import WithIntent
from tbie.testing.conformance.hands import LEASE_MS, LEASE_S, claim, depth, dispose, names, present, take

RETENTION_MS = int(RETENTION_S * 1000)


class Dead(WithIntent):
    """Burying, expiring, purging."""

    def test_a_buried_message_is_kept_with_its_evidence_and_never_handed_out(
        self, intent: IntentQueue, clock: ManualClock
    ) -> None:
        intent.send([envelope()])
        dispose(intent, Bury(take(intent), "out_of_memory", {"peak_bytes": 2**40, "path": "☂"}))
        clock.advance_ms(LEASE_MS * 10)
        assert claim(intent) == []
        (letter,) = intent.dead_letters("a")
        assert (letter.envelope, letter.receives, letter.reason) == (envelope(), 1, "out_of_memory")
        assert letter.evidence == {"peak_bytes": 2**40, "path": "☂"}
        assert letter.died_ms == clock.now_ms() - LEASE_MS * 10
        assert intent.dead_letters("b") == []

    def test_a_message_whose_workers_keep_dying_is_buried_when_it_would_be_claimed_once_more(
        self, intent: IntentQueue, clock: ManualClock
    ) -> None:
        intent.send([envelope()])
        for receive in (1, 2, 3):
            assert take(intent).receives == receive
            clock.advance_ms(LEASE_MS)
        assert claim(intent) == []
        (letter,) = intent.dead_letters("a")
        assert (letter.receives, letter.reason) == (3, "receives_exhausted")
        assert present(intent, key())[key()].dead

    def test_burying_one_message_does_not_hold_up_the_others(self, intent: IntentQueue, clock: ManualClock) -> None:
        intent.send([envelope("poison")])
        for _ in range(3):
            take(intent)
            clock.advance_ms(LEASE_MS)
        intent.send([envelope("i1"), envelope("i2")])
        assert sorted(names(claim(intent, 3))) == ["t1/i1", "t1/i2"]

    def test_if_all_that_a_claim_finds_is_buried_the_next_claim_is_served(
        self, intent: IntentQueue, clock: ManualClock
    ) -> None:
        intent.send([envelope("poison")])
        for _ in range(3):
            take(intent)
            clock.advance_ms(LEASE_MS)
        intent.send([envelope("i1", stage="b")])
        wishes = (Claim("a", "w1", 5, LEASE_S, 3), Claim("b", "w1", 5, LEASE_S, 3))
        assert names(intent.exchange((), wishes)) == ["t1/i1"]

    def test_releases_do_not_use_up_receives(self, intent: IntentQueue) -> None:
        intent.send([envelope()])
        for _ in range(10):
            dispose(intent, Release(take(intent)))
        assert intent.dead_letters("a") == []

    def test_a_buried_token_sent_again_stays_buried(self, intent: IntentQueue) -> None:
        intent.send([envelope()])
        dispose(intent, Bury(take(intent), "worker_died", {}))
        assert intent.send([envelope()]) == 0, "re-reading the change stream must not revive a poison item"
        assert claim(intent) == []
        assert present(intent, key())[key()].dead

    def test_a_fresh_token_is_served_although_its_predecessor_is_buried(
        self, intent: IntentQueue, clock: ManualClock
    ) -> None:
        intent.send([envelope(token="old")])
        dispose(intent, Bury(take(intent), "worker_died", {}))
        assert intent.send([envelope(token="new")]) == 1
        now_ms, where = clock.now_ms(), envelope().address
        assert present(intent, key()) == {key(): Presence("new", False, 0, None, where, now_ms)}
        message = take(intent)
        assert (message.envelope.token, message.receives) == ("new", 1)
        dispose(intent, Bury(message, "again", {"n": 2}))
        assert [(x.envelope.token, x.reason) for x in intent.dead_letters("a")] == [("new", "again")]

    def test_dead_letters_come_newest_first_and_limited(self, intent: IntentQueue, clock: ManualClock) -> None:
        for name in ("i1", "i2", "i3"):
            intent.send([envelope(name)])
            dispose(intent, Bury(take(intent), "r", {}))
            clock.advance_ms(10)
        found = [letter.envelope.key.item for letter in intent.dead_letters("a", 2)]
        assert found == ["i3", "i2"]
        assert len(intent.dead_letters("a")) == 3

    def test_messages_older_than_the_retention_expire_whatever_their_condition(
        self, intent: IntentQueue, clock: ManualClock
    ) -> None:
        intent.send(
            [envelope("visible"), envelope("held"), envelope("later", not_before_ms=clock.now_ms() + 2 * RETENTION_MS)]
        )
        claim(intent, 1)
        intent.send([envelope("dead", stage="b")])
        dispose(intent, Bury(take(intent, stage="b"), "r", {}))
        clock.advance_ms(RETENTION_MS - 1)
        intent.send([envelope("young")])
        assert intent.expire() == 0
        clock.advance_ms(1)
        assert intent.expire() == 3
        assert (depth(intent).live, depth(intent, "b").dead) == (1, 0)
        assert names(claim(intent)) == ["t1/young"]
        assert intent.expire() == 0

    def test_a_purge_empties_one_stage_or_all_of_them(self, intent: IntentQueue) -> None:
        intent.send([envelope(f"{stage}{n}", stage=stage) for stage in "abc" for n in range(3)])
        held = take(intent)
        dispose(intent, Bury(take(intent), "r", {}))
        assert intent.purge("a") == 2
        assert (depth(intent).live, depth(intent).dead, depth(intent, "b").live) == (0, 0, 3)
        dispose(intent, Delete(held))
        assert intent.purge() == 6
        assert intent.purge() == 0
        assert [depth(intent, stage).live for stage in "abc"] == [0, 0, 0]

    def test_a_purged_queue_takes_the_same_tokens_again(self, intent: IntentQueue) -> None:
        intent.send([envelope()])
        take(intent)
        intent.purge()
        assert intent.send([envelope()]) == 1
        assert take(intent).receives == 1
