"""Truth, part 9: items that come from another store, with the history that made them."""

from __future__ import annotations

import pytest

from tbie.core.clock import ManualClock
from tbie.core.outcome import Completed, Retry, TerminalFailure
from tbie.history import fold, plain
from tbie.testing.builders import WHO, chain, gallery, item_of, key, new_item, new_items, record_of, settle, settlement
from tbie.testing.conformance.fixtures import OpenTruth, WithTruth
from tbie.testing.conformance.truth_strings import HOSTILE
from tbie.truth import Committed, Item, Refused, Reset, StageState, Story, TruthStore, Update


class Restoring(WithTruth):
    """What one store had, another has."""

    @pytest.fixture
    def old(self, open_truth: OpenTruth, clock: ManualClock) -> TruthStore:
        """A gallery in which something of everything has happened."""
        truth = open_truth(gallery())
        truth.add([*new_items(4), new_item("other", "t2", size=7)], WHO)
        clock.advance_ms(1_000)
        settle(truth, key("i0001"), "read", Completed({"kind": "text"}))
        settle(truth, key("i0002"), "read", Completed({"kind": "photo", "big": 2**63, "nested": [1, {"☂": None}]}))
        settle(truth, key("i0003"), "read", TerminalFailure("unreadable", True, {"message": "no"}))
        settle(truth, key("i0004"), "read", Retry("busy", evidence={"at": 1}))
        clock.advance_ms(1_000)
        settle(truth, key("i0002"), "measure", Completed({"measure": 0.1}))
        truth.commit([Reset(key("i0001"), "read", WHO._replace(why="again"))])
        truth.commit([Update(key("other", "t2"), new_item("moved").address, {"size": 8}, WHO._replace(why="changed"))])
        clock.advance_ms(1_000)
        return truth

    def test_what_was_restored_is_what_it_was(self, old: TruthStore, open_truth: OpenTruth) -> None:
        new = open_truth(gallery())
        assert new.restore(stories(old)) == [True] * 5
        assert new.items() == old.items()
        for item in old.items():
            assert told(new, item) == told(old, item)
            rows = fold(new.history(item.key))
            assert rows.pop("@item") == {"address": list(item.address), "attributes": item.attributes}
            assert rows == {name: plain(record) for name, record in item.stages.items()}

    def test_counts_tenants_and_open_work_are_those_of_the_items(self, old: TruthStore, open_truth: OpenTruth) -> None:
        new = open_truth(gallery())
        new.restore(stories(old))
        assert (new.tenants(), new.versions()) == (old.tenants(), old.versions())
        assert {k: n for k, n in new.tally().items() if n} == {k: n for k, n in old.tally().items() if n}
        for stage in ("read", "look", "measure", "group", "judge"):
            assert new.open_stages(stage, None, 100) == old.open_stages(stage, None, 100)
            assert new.oldest_open_ms(stage) == old.oldest_open_ms(stage)
            assert new.at_barrier(stage, 100) == old.at_barrier(stage, 100)
            assert new.failed_stages(stage, 9, 2**50, 100) == old.failed_stages(stage, 9, 2**50, 100)

    def test_what_is_open_is_in_the_change_stream(self, old: TruthStore, open_truth: OpenTruth) -> None:
        new = open_truth(gallery())
        new.add([new_item("here", "t3")], WHO)
        seq = new.last_seq()
        new.restore(stories(old))
        opened, upto = [], seq
        while upto < new.last_seq():
            found, upto = new.opened_since(upto, 100)
            opened += found
        was = {row for stage in gallery().stages for row in old.open_stages(stage.name, None, 100)}
        assert set(opened) == was

    def test_work_goes_on_with_the_tokens_that_there_were(self, old: TruthStore, open_truth: OpenTruth) -> None:
        new = open_truth(gallery())
        new.restore(stories(old))
        (result,) = new.commit([settlement(old, key("i0001"), "read", Completed({"kind": "photo"}))])
        assert isinstance(result, Committed)
        assert record_of(new, key("i0001"), "look").state is StageState.PENDING
        if self.numbers_changes:
            assert new.history(key("i0001"))[-1].seq == new.last_seq()
        assert record_of(old, key("i0001"), "read").state is StageState.PENDING, "the old store knows nothing of it"

    def test_what_is_there_already_is_left_alone(self, old: TruthStore, open_truth: OpenTruth) -> None:
        new = open_truth(gallery())
        new.add([new_item("i0002", mine=True)], WHO)
        before = (item_of(new, key("i0002")), new.history(key("i0002")))
        assert new.restore(stories(old)) == [True, False, True, True, True]
        assert (item_of(new, key("i0002")), new.history(key("i0002"))) == before
        seq = new.last_seq()
        assert new.restore(stories(old)) == [False] * 5
        assert new.last_seq() == seq

    def test_the_same_item_twice_is_restored_once(self, old: TruthStore, open_truth: OpenTruth) -> None:
        new = open_truth(gallery())
        (first, *_) = stories(old)
        assert new.restore([first, first]) == [True, False]
        assert told(new, first.item) == told(old, first.item)
        assert new.restore([]) == []

    def test_hostile_names_and_large_facts_are_restored_unchanged(self, open_truth: OpenTruth) -> None:
        old, new = open_truth(chain("a", "b")), open_truth(chain("a", "b"))
        old.add([new_item(name, name) for name in HOSTILE], WHO._replace(why=HOSTILE[0]))
        for name in HOSTILE:
            settle(old, key(name, name), "a", Completed({name: [name], "text": "☂" * 50_000}))
        new.restore(stories(old))
        assert new.items() == old.items()
        assert all(told(new, item) == told(old, item) for item in old.items())

    def test_a_long_history_is_restored_whole_and_in_order(self, open_truth: OpenTruth, clock: ManualClock) -> None:
        old, new = open_truth(chain("a")), open_truth(chain("a"))
        old.add([new_item()], WHO)
        for number in range(150):
            clock.advance_ms(1)
            old.commit([Reset(key(), "a", WHO._replace(why=f"round {number}"))])
        new.restore(stories(old))
        assert told(new, item_of(old, key())) == told(old, item_of(old, key()))
        assert [entry.cause.why for entry in new.history(key())][1:] == [f"round {number}" for number in range(150)]

    def test_a_stage_that_this_workflow_does_not_have_is_kept(self, open_truth: OpenTruth) -> None:
        old, new = open_truth(chain("a", "b")), open_truth(chain("a"))
        old.add([new_item()], WHO)
        settle(old, key(), "a", Completed({"a": 1}))
        new.restore(stories(old))
        assert item_of(new, key()) == item_of(old, key())
        assert new.commit([settlement(old, key(), "b")]) == [Refused("no_such_stage")]


def stories(truth: TruthStore) -> list[Story]:
    """Everything in a store, as it moves."""
    return [Story(item, tuple(truth.history(item.key))) for item in truth.items()]


def told(truth: TruthStore, item: Item) -> list[tuple[object, ...]]:
    """The history of an item without the numbers, which are each store's own."""
    entries = truth.history(item.key)
    assert [entry.seq for entry in entries] == sorted({entry.seq for entry in entries})
    return [tuple(entry[1:]) for entry in entries]
