"""Truth, part 3: history, change stream, open work, counts, pages and the registry."""

from __future__ import annotations

from collections import Counter

import pytest

from tbie.core.cause import Cause
from tbie.core.clock import ManualClock
from tbie.core.outcome import Completed, Retry, TerminalFailure
from tbie.history import fold, plain
from tbie.testing.builders import WHO, all_open, chain, gallery, item_of, key, new_item, new_items, record_of, settle
from tbie.testing.conformance.fixtures import OpenTruth, WithTruth
from tbie.truth import FORGET_AFTER_MS, Heartbeat, OpenStage, Reset, Rotate, StageState, TruthStore, Update


class Reading(WithTruth):
    """What may be asked of Truth."""

    @pytest.fixture
    def store(self, open_truth: OpenTruth) -> TruthStore:
        """a → b, empty."""
        return open_truth(chain("a", "b"))

    def test_history_has_one_entry_per_change_with_who_why_before_and_after(
        self, store: TruthStore, clock: ManualClock
    ) -> None:
        store.add([new_item("i1", size=3)], Cause("cli", "ingest"))
        clock.advance_ms(7)
        token = record_of(store, key(), "a").token
        store.commit([Rotate(key(), "a", token, "v2", Cause("reconciler", "truth_without_intent"))])
        added, rotated = store.history(key())
        assert (added.cause, rotated.cause) == (Cause("cli", "ingest"), Cause("reconciler", "truth_without_intent"))
        assert (rotated.key, rotated.at_ms) == (key(), clock.now_ms())
        assert rotated.seq == added.seq + 1 if self.numbers_changes else rotated.seq > added.seq
        assert added.before == {}
        assert added.after["@item"] == {"address": list(new_item().address), "attributes": {"size": 3}}
        assert rotated.before == {"a": {"state": "pending", "generation": 1, "token": token}}
        assert rotated.after == {"a": plain(record_of(store, key(), "a"))}
        assert store.history(key("nobody")) == []

    def test_folding_the_history_of_an_item_gives_its_row(self, store: TruthStore, clock: ManualClock) -> None:
        store.add([new_item("i1", size=3)], WHO)
        settle(store, key(), "a", Retry("busy", None, {"path": 'a"b\\c\n☂\x7f'}))
        clock.advance_ms(3)
        settle(store, key(), "a", Completed({"a": {"nested": [1.5, True, None, "☂"]}}))
        settle(store, key(), "b", TerminalFailure('odd "reason"', True, {"n": 2**53}))
        store.commit([Update(key(), new_item("moved").address, {"size": 4}, WHO)])
        rows = fold(store.history(key()))
        item = item_of(store, key())
        assert rows.pop("@item") == {"address": list(item.address), "attributes": item.attributes}
        assert rows == {name: plain(record) for name, record in item.stages.items()}

    def test_every_change_has_the_next_number(self, store: TruthStore) -> None:
        assert store.last_seq() == 0
        store.add(new_items(3), WHO)
        settle(store, key("i0002"), "a")
        entries = [e for n in (1, 2, 3) for e in store.history(key(f"i{n:04}"))]
        if self.numbers_changes:
            assert sorted(e.seq for e in entries) == [1, 2, 3, 4]
            assert store.last_seq() == 4
        else:
            assert len(entries) == 4
            assert store.last_seq() >= 4, "each change shows in the stream, perhaps as several"

    def test_a_mark_lies_between_what_was_and_what_follows(self, store: TruthStore, clock: ManualClock) -> None:
        store.add([new_item()], WHO)
        settle(store, key(), "a")
        clock.advance_ms(1)
        mark = store.mark()
        settle(store, key(), "b")
        store.add([new_item("i2")], WHO)
        assert [entry.seq <= mark for entry in store.history(key())] == [True, True, False]
        assert [entry.seq <= mark for entry in store.history(key("i2"))] == [False]
        assert store.mark() >= mark

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
    def test_the_change_stream_never_skips_whatever_the_page(self, store: TruthStore, limit: int) -> None:
        store.add(new_items(5), WHO)
        settle(store, key("i0003"), "a")
        settle(store, key("i0004"), "a", TerminalFailure("bad", False))
        seen: set[OpenStage] = set()
        seq = 0
        while True:
            opened, upto = store.opened_since(seq, limit)
            if upto == seq:
                assert opened == []
                break
            assert seq < upto <= seq + limit
            seen.update(opened)
            seq = upto
        assert seq == store.last_seq()
        assert seen == set(all_open(store, chain("a", "b")))

    def test_the_change_stream_shows_what_is_open_now_not_what_was(self, store: TruthStore) -> None:
        store.add([new_item("i1"), new_item("i2")], WHO)
        token = record_of(store, key("i1"), "a").token
        store.commit([Rotate(key("i1"), "a", token, "v1", WHO)])
        settle(store, key("i2"), "a")
        opened, upto = store.opened_since(0, 2 if self.numbers_changes else 100)
        assert upto == (2 if self.numbers_changes else store.last_seq())
        by_item = {(o.key.item, o.stage): o.token for o in opened}
        assert by_item == {
            ("i1", "a"): record_of(store, key("i1"), "a").token,
            ("i2", "b"): record_of(store, key("i2"), "b").token,
        }

    def test_an_open_stage_carries_all_that_an_intent_needs(self, store: TruthStore, clock: ManualClock) -> None:
        store.add([new_item("i1")], WHO)
        settle(store, key(), "a", Retry("busy", clock.now_ms() + 500))
        record = record_of(store, key(), "a")
        expected = OpenStage(
            key(), "a", "v1", 1, record.token, record.since_ms, record.not_before_ms, 1, new_item("i1").address, "busy"
        )
        assert store.opened_since(0, 10)[0] == [expected]
        assert store.open_stages("a", None, 10) == [expected]

    def test_an_open_stage_says_why_it_was_put_off_and_nothing_before_it_was(self, store: TruthStore) -> None:
        store.add([new_item("i1"), new_item("i2")], WHO)
        settle(store, key("i2"), "a", Retry("disk_busy", 0))
        reasons = {row.key.item: row.reason for row in store.open_stages("a", None, 10)}
        assert reasons == {"i1": None, "i2": "disk_busy"}
        settle(store, key("i2"), "a")
        assert [row.reason for row in store.open_stages("b", None, 10)] == [None], "the reason was that of stage a"

    def test_a_cursor_is_remembered_by_name(self, store: TruthStore) -> None:
        assert store.cursor("reconciler") == 0
        store.save_cursor("reconciler", 7)
        store.save_cursor("export", 3)
        store.save_cursor("reconciler", 9)
        assert (store.cursor("reconciler"), store.cursor("export"), store.cursor("nobody")) == (9, 3, 0)

    @pytest.mark.parametrize("limit", [1, 2, 3, 50])
    def test_pages_of_open_work_are_oldest_first_without_gap_or_repeat(
        self, store: TruthStore, clock: ManualClock, limit: int
    ) -> None:
        for tenant in ("t2", "t1", "t3"):
            store.add(new_items(3, tenant), WHO)  # three of the same age: the order among them has to hold too
            clock.advance_ms(1)
        settle(store, key("i0002", "t1"), "a")
        pages: list[OpenStage] = []
        after = None
        while page := store.open_stages("a", after, limit):
            assert len(page) <= limit
            pages += page
            after = page[-1]
        assert len(pages) == len({row.key for row in pages}) == 8
        assert [row.since_ms for row in pages] == sorted(row.since_ms for row in pages)
        assert [row.key.tenant for row in pages] == ["t2"] * 3 + ["t1"] * 2 + ["t3"] * 3
        assert [row.key for row in store.open_stages("b", None, limit)] == [key("i0002", "t1")]
        assert store.open_stages("no such stage", None, limit) == []

    def test_a_page_goes_on_after_its_last_row_was_settled(self, store: TruthStore) -> None:
        store.add(new_items(4), WHO)
        first = store.open_stages("a", None, 2)
        for row in first:
            settle(store, row.key, "a")
        rest = store.open_stages("a", first[-1], 10)
        assert {row.key.item for row in (*first, *rest)} == {"i0001", "i0002", "i0003", "i0004"}
        assert len(rest) == 2

    def test_the_oldest_open_stage_is_known(self, store: TruthStore, clock: ManualClock) -> None:
        assert store.oldest_open_ms("a") is None
        born = clock.now_ms()
        store.add([new_item("i1")], WHO)
        clock.advance_ms(100)
        store.add([new_item("i2")], WHO)
        assert store.oldest_open_ms("a") == born
        settle(store, key("i1"), "a")
        assert (store.oldest_open_ms("a"), store.oldest_open_ms("b")) == (born + 100, born + 100)

    def test_the_tally_equals_a_recount_after_every_kind_of_change(self, open_truth: OpenTruth) -> None:
        store = open_truth(gallery())

        def check() -> None:
            items = store.items(limit=1_000)
            recount = Counter((i.key.tenant, r.stage, r.state) for i in items for r in i.stages.values())
            assert {k: n for k, n in store.tally().items() if n} == dict(recount)
            one = {k: n for k, n in recount.items() if k[0] == "t2"}
            assert {k: n for k, n in store.tally("t2").items() if n} == one

        check()
        store.add([*new_items(3), new_item("x", "t2")], WHO)
        check()
        settle(store, key("i0001"), "read", Completed({"kind": "text"}))
        settle(store, key("i0002"), "read", TerminalFailure("bad", False))
        settle(store, key("x", "t2"), "read")
        check()
        settle(store, key("x", "t2"), "measure", Completed({}, ((key("i0001"), "read"),)))
        check()
        store.commit([Reset(key(f"i{n:04}"), "read", WHO) for n in (1, 2, 3)] * 2)
        check()
        assert store.tally("nobody") == {}

    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    def test_pages_of_items_are_in_the_order_of_keys(self, store: TruthStore, limit: int) -> None:
        names = [("t2", "b"), ("t1", "z"), ("t2", "a"), ("t1", "B"), ("t1", "ä"), ("T", "x")]
        store.add([new_item(item, tenant) for tenant, item in names], WHO)

        def pages(tenant: str | None) -> list[tuple[str, str]]:
            found: list[tuple[str, str]] = []
            after = None
            while page := store.items(tenant, after, limit):
                assert len(page) <= limit
                found += [(item.key.tenant, item.key.item) for item in page]
                after = page[-1].key
            return found

        assert pages(None) == sorted(names)
        assert pages("t2") == [("t2", "a"), ("t2", "b")]
        assert pages("nobody") == []

    def test_items_waiting_at_a_barrier_come_oldest_first_and_limited(
        self, open_truth: OpenTruth, clock: ManualClock
    ) -> None:
        store = open_truth(gallery())
        store.add(new_items(3), WHO)
        for number in (2, 3, 1):
            clock.advance_ms(10)
            settle(store, key(f"i{number:04}"), "read")
            settle(store, key(f"i{number:04}"), "measure")
        waiting = store.at_barrier("group", 10)
        assert [k.item for k, _ in waiting] == ["i0002", "i0003", "i0001"]
        assert store.at_barrier("group", 2) == waiting[:2]
        assert store.at_barrier("group", 2, waiting[1]) == waiting[2:]
        assert store.at_barrier("group", 2, waiting[2]) == []

    def test_tenants_are_discovered_from_what_they_add(self, store: TruthStore) -> None:
        assert store.tenants() == []
        store.add([new_item("i1", "zoë"), new_item("i2", "zoë"), new_item("i1", "anna")], WHO)
        assert store.tenants() == ["anna", "zoë"]

    def test_the_last_heartbeat_of_each_instance_is_kept(self, store: TruthStore) -> None:
        store.beat(Heartbeat("worker", "w1", 10, {"state": "idle"}))
        store.beat(Heartbeat("worker", "w2", 11, {"state": "busy"}))
        store.beat(Heartbeat("reconciler", "w1", 12, {"blind": ["q: no"]}))
        store.beat(Heartbeat("worker", "w1", 13, {"state": "busy", "drift": None}))
        assert sorted(store.heartbeats()) == [
            Heartbeat("reconciler", "w1", 12, {"blind": ["q: no"]}),
            Heartbeat("worker", "w1", 13, {"state": "busy", "drift": None}),
            Heartbeat("worker", "w2", 11, {"state": "busy"}),
        ]

    def test_an_instance_unheard_for_an_hour_is_forgotten_when_another_of_its_kind_speaks(
        self, store: TruthStore
    ) -> None:
        store.beat(Heartbeat("worker", "gone", 10, {}))
        store.beat(Heartbeat("reconciler", "silent", 10, {}))
        store.beat(Heartbeat("worker", "new", 10 + FORGET_AFTER_MS, {}))
        assert {b.instance for b in store.heartbeats()} == {"gone", "silent", "new"}
        store.beat(Heartbeat("worker", "new", 11 + FORGET_AFTER_MS, {}))
        assert {b.instance for b in store.heartbeats()} == {"silent", "new"}

    def test_named_settings_are_kept(self, store: TruthStore) -> None:
        assert store.read_meta("manifest") is None
        store.write_meta("manifest", "one")
        store.write_meta("manifest", "two ☂")
        store.write_meta("other", "")
        assert (store.read_meta("manifest"), store.read_meta("other")) == ("two ☂", "")

    def test_reading_changes_nothing(self, store: TruthStore) -> None:
        store.add(new_items(2), WHO)
        before = store.last_seq()
        store.items()
        store.tally()
        store.opened_since(0, 10)
        store.open_stages("a", None, 10)
        assert store.last_seq() == before
        assert {state for (_, _, state) in store.tally()} == {StageState.PENDING}
