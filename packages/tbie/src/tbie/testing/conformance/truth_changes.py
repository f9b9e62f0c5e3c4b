"""Truth, part 2: resets, rotations, exhaustion, barriers, updates and what one item's result does to another."""

from __future__ import annotations

import pytest

from tbie.core.clock import ManualClock
from tbie.core.keys import Address
from tbie.core.outcome import Completed, TerminalFailure
from tbie.testing.builders import WHO, chain, gallery, item_of, key, new_item, new_items, record_of, settle
from tbie.testing.conformance.fixtures import OpenTruth, WithTruth
from tbie.truth import (
    Advance,
    Command,
    Committed,
    Exhaust,
    Refused,
    Reset,
    Rotate,
    StageState,
    TruthStore,
    Update,
)

PENDING, WAITING, COMPLETED = StageState.PENDING, StageState.WAITING, StageState.COMPLETED


def only(truth: TruthStore, command: Command) -> object:
    """Commit one command."""
    (result,) = truth.commit([command])
    return result


class Changes(WithTruth):
    """What operators and the reconciler may ask for."""

    @pytest.fixture
    def done(self, open_truth: OpenTruth) -> TruthStore:
        """a → b → c, all completed for item i1."""
        truth = open_truth(chain("a", "b", "c"))
        truth.add([new_item()], WHO)
        for name in "abc":
            settle(truth, key(), name)
        return truth

    def test_a_reset_clears_the_stage_and_everything_downstream(self, done: TruthStore, clock: ManualClock) -> None:
        kept, old = record_of(done, key(), "a"), record_of(done, key(), "b")
        clock.advance_ms(50)
        assert isinstance(only(done, Reset(key(), "b", WHO)), Committed)
        stages = item_of(done, key()).stages
        assert stages["a"] == kept
        assert (stages["b"].state, stages["b"].generation, stages["b"].facts) == (PENDING, 2, None)
        assert stages["b"].token != old.token
        assert (stages["b"].attempts, stages["b"].since_ms) == (0, clock.now_ms())
        assert (stages["c"].state, stages["c"].generation, stages["c"].facts) == (WAITING, 2, None)

    def test_a_result_from_before_the_reset_changes_nothing(self, open_truth: OpenTruth) -> None:
        truth = open_truth(chain("a"))
        truth.add([new_item()], WHO)
        old = record_of(truth, key(), "a")
        truth.commit([Reset(key(), "a", WHO)])
        fresh = record_of(truth, key(), "a")
        assert (fresh.state, fresh.generation) == (PENDING, 2)
        assert fresh.token != old.token
        zombie = Exhaust(key(), "a", old.token, "late", True, {}, WHO)
        assert only(truth, zombie) == Refused("superseded")

    def test_a_reset_may_be_limited_to_some_states(self, done: TruthStore) -> None:
        before = item_of(done, key())
        assert only(done, Reset(key(), "b", WHO, (StageState.FAILED,))) == Refused("nothing_to_do")
        assert item_of(done, key()) == before
        assert isinstance(only(done, Reset(key(), "b", WHO, (StageState.FAILED, COMPLETED))), Committed)

    def test_a_reset_of_what_never_opened_does_nothing(self, open_truth: OpenTruth) -> None:
        truth = open_truth(chain("a", "b"))
        truth.add([new_item()], WHO)
        assert only(truth, Reset(key(), "b", WHO)) == Refused("nothing_to_do")
        assert only(truth, Reset(key("nobody"), "a", WHO)) == Refused("no_such_item")

    def test_a_failed_and_a_skipped_stage_open_again_after_a_reset(self, open_truth: OpenTruth) -> None:
        truth = open_truth(chain("a", "b"))
        truth.add([new_item()], WHO)
        settle(truth, key(), "a", TerminalFailure("disk_full", True))
        truth.commit([Reset(key(), "a", WHO, (StageState.FAILED,))])
        stages = item_of(truth, key()).stages
        assert (stages["a"].state, stages["a"].reason, stages["a"].evidence) == (PENDING, None, None)
        assert (stages["b"].state, stages["b"].reason) == (WAITING, None)
        settle(truth, key(), "a")
        assert record_of(truth, key(), "b").state is PENDING

    def test_a_command_for_a_stage_that_there_is_not_is_refused(self, open_truth: OpenTruth) -> None:
        truth = open_truth(chain("a", "b"))
        truth.add(new_items(1), WHO)
        good = Rotate(key("i0001"), "a", record_of(truth, key("i0001"), "a").token, "v2", WHO)
        gone = Reset(key("i0001"), "removed", WHO)
        first, second = truth.commit([gone, good])
        assert first == Refused("no_such_stage")
        assert isinstance(second, Committed), "one refused command leaves the others alone"

    def test_a_rotation_gives_a_fresh_token_and_keeps_the_age(self, open_truth: OpenTruth, clock: ManualClock) -> None:
        truth = open_truth(chain("a", "b"))
        truth.add([new_item()], WHO)
        old = record_of(truth, key(), "a")
        clock.advance_ms(70)
        assert isinstance(only(truth, Rotate(key(), "a", old.token, "v2", WHO)), Committed)
        new = record_of(truth, key(), "a")
        assert new.token != old.token
        assert new == old._replace(token=new.token, version="v2", updated_ms=clock.now_ms())
        assert only(truth, Rotate(key(), "a", old.token, "v2", WHO)) == Refused("superseded")
        assert only(truth, Rotate(key(), "b", old.token, "v2", WHO)) == Refused("superseded")

    def test_exhaustion_fails_the_stage_with_its_evidence_and_skips_what_needs_it(self, open_truth: OpenTruth) -> None:
        truth = open_truth(chain("a", "b"))
        truth.add([new_item()], WHO)
        token = record_of(truth, key(), "a").token
        assert only(truth, Exhaust(key(), "a", "other", "crash", True, {}, WHO)) == Refused("superseded")
        assert isinstance(only(truth, Exhaust(key(), "a", token, "crash", True, {"signal": 9}, WHO)), Committed)
        stages = item_of(truth, key()).stages
        assert (stages["a"].state, stages["a"].reason, stages["a"].retriable) == (StageState.FAILED, "crash", True)
        assert stages["a"].evidence == {"signal": 9}
        assert (stages["b"].state, stages["b"].reason) == (StageState.SKIPPED, "a:crash")
        assert only(truth, Exhaust(key(), "a", token, "crash", True, {}, WHO)) == Refused("superseded")

    def test_a_barrier_waits_until_it_is_lifted_and_opens_once(self, open_truth: OpenTruth, clock: ManualClock) -> None:
        truth = open_truth(gallery())
        truth.add([new_item()], WHO)
        settle(truth, key(), "read")
        assert truth.at_barrier("group", 10) == []
        settle(truth, key(), "measure")
        since = clock.now_ms()
        clock.advance_ms(10)
        assert truth.at_barrier("group", 10) == [(key(), since)]
        assert only(truth, Advance(key(), WHO)) == Refused("nothing_to_do")
        assert isinstance(only(truth, Advance(key(), WHO, ("group",))), Committed)
        group = record_of(truth, key(), "group")
        assert (group.state, group.reason, group.since_ms) == (PENDING, None, clock.now_ms())
        assert group.token
        assert truth.at_barrier("group", 10) == []
        assert only(truth, Advance(key(), WHO, ("group",))) == Refused("nothing_to_do")

    def test_an_update_decided_on_a_source_that_was_replaced_since_changes_nothing(self, done: TruthStore) -> None:
        was, moved = item_of(done, key()).address, Address("source", "moved")
        assert isinstance(only(done, Update(key(), moved, {"size": 9}, WHO, only_at=was)), Committed)
        late = Update(key(), Address("source", "late"), {"size": 1}, WHO, only_at=was)
        assert only(done, late) == Refused("superseded")
        item = item_of(done, key())
        assert (item.address, item.attributes) == (moved, {"size": 9})

    def test_an_update_replaces_the_source_and_replays_from_the_roots(self, done: TruthStore) -> None:
        moved = Address("source", "moved")
        assert isinstance(only(done, Update(key(), moved, {"size": 9}, WHO)), Committed)
        item = item_of(done, key())
        assert (item.address, item.attributes) == (moved, {"size": 9})
        assert [item.stages[s].state for s in "abc"] == [PENDING, WAITING, WAITING]
        assert [item.stages[s].generation for s in "abc"] == [2, 2, 2]
        assert [item.stages[s].facts for s in "abc"] == [None] * 3
        opened, _ = done.opened_since(0, 1_000)
        assert [(o.stage, o.address) for o in opened] == [("a", moved)]

    def test_a_result_may_reset_stages_of_other_items_in_the_same_commit(self, open_truth: OpenTruth) -> None:
        truth = open_truth(chain("a", "b"))
        truth.add([new_item("i1"), new_item("i2"), new_item("i3")], WHO)
        for name in ("i1", "i2"):
            settle(truth, key(name), "a")
            settle(truth, key(name), "b", Completed({"group": "old"}))
        settle(truth, key("i3"), "a")
        untouched = item_of(truth, key("i2"))
        settle(truth, key("i3"), "b", Completed({"group": "new"}, ((key("i1"), "b"), (key("gone"), "b"))))
        record = record_of(truth, key("i1"), "b")
        assert (record.state, record.generation, record.facts) == (PENDING, 2, None)
        assert item_of(truth, key("i2")) == untouched
        assert "i3" in truth.history(key("i1"))[-1].cause.why

    def test_a_refused_result_resets_nobody(self, open_truth: OpenTruth) -> None:
        truth = open_truth(chain("a"))
        truth.add([new_item("i1"), new_item("i2")], WHO)
        settle(truth, key("i1"), "a")
        settle(truth, key("i2"), "a")
        before = truth.last_seq()
        late = settle(truth, key("i2"), "a", Completed({}, ((key("i1"), "a"),)))
        assert late == Refused("superseded")
        assert truth.last_seq() == before
