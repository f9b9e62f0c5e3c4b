"""Truth, part 1: adding items and settling their stages by compare-and-set."""

from __future__ import annotations

import pytest

from tbie.core.clock import ManualClock
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.testing.builders import (
    WHO,
    chain,
    gallery,
    item_of,
    key,
    new_item,
    new_items,
    record_of,
    settle,
    settlement,
)
from tbie.testing.conformance.fixtures import OpenTruth, WithTruth
from tbie.truth import Committed, Refused, Reset, StageState, Step, TruthStore

PENDING, WAITING, COMPLETED = StageState.PENDING, StageState.WAITING, StageState.COMPLETED


class Settling(WithTruth):
    """Adding, settling, running ahead."""

    @pytest.fixture
    def truth(self, open_truth: OpenTruth) -> TruthStore:
        """a → b → c."""
        return open_truth(chain("a", "b", "c"))

    def test_an_added_item_has_its_roots_open_and_nothing_else(self, truth: TruthStore, clock: ManualClock) -> None:
        assert truth.add([new_item("i1", size=3)], WHO) == [True]
        item = item_of(truth, key())
        assert (item.key, item.address, item.attributes) == (key(), new_item().address, {"size": 3})
        assert item.created_ms == clock.now_ms()
        assert list(item.stages) == ["a"]
        record = item.stages["a"]
        assert (record.state, record.generation, record.attempts) == (PENDING, 1, 0)
        assert record.token
        assert record.facts is None
        assert record.since_ms == record.updated_ms == clock.now_ms()

    def test_adding_twice_leaves_the_first_item_alone(self, truth: TruthStore) -> None:
        truth.add([new_item("i1", size=1)], WHO)
        before, seq = item_of(truth, key()), truth.last_seq()
        assert truth.add([new_item("i1", size=2), new_item("i2")], WHO) == [False, True]
        assert item_of(truth, key()) == before
        assert truth.last_seq() == seq + 1

    def test_the_same_key_twice_in_one_add_is_added_once(self, truth: TruthStore) -> None:
        assert truth.add([new_item("i1", size=1), new_item("i1", size=2)], WHO) == [True, False]
        assert item_of(truth, key()).attributes == {"size": 1}
        assert len(truth.items()) == 1

    def test_nothing_is_added_or_committed_from_empty_hands(self, truth: TruthStore) -> None:
        assert truth.add([], WHO) == []
        assert truth.commit([]) == []
        assert truth.last_seq() == 0

    def test_a_missing_item_is_none_in_its_place(self, truth: TruthStore) -> None:
        truth.add([new_item("i2")], WHO)
        first, second, third = truth.get([key("i1"), key("i2"), key("i2", "other")])
        assert (first, third) == (None, None)
        assert second is not None
        assert second.key == key("i2")

    def test_a_completion_stores_its_facts_and_opens_what_needs_it(self, truth: TruthStore, clock: ManualClock) -> None:
        truth.add([new_item()], WHO)
        clock.advance_ms(5)
        result = settle(truth, key(), "a", Completed({"a": [1, {"deep": None}], "text": "née"}))
        assert isinstance(result, Committed)
        stages = item_of(truth, key()).stages
        assert {r.stage: r for r in result.records} == dict(stages)
        assert (stages["a"].state, stages["b"].state) == (StageState.COMPLETED, PENDING)
        assert stages["a"].facts == {"a": [1, {"deep": None}], "text": "née"}
        assert (stages["a"].attempts, stages["a"].since_ms) == (1, clock.now_ms())
        assert stages["a"].token != stages["b"].token
        assert "c" not in stages

    def test_a_result_for_another_token_changes_nothing(self, truth: TruthStore) -> None:
        truth.add([new_item()], WHO)
        before, seq = item_of(truth, key()), truth.last_seq()
        stale = settlement(truth, key(), "a")._replace(token="another")
        assert truth.commit([stale]) == [Refused("superseded")]
        assert (item_of(truth, key()), truth.last_seq()) == (before, seq)

    def test_a_result_for_another_generation_changes_nothing(self, truth: TruthStore) -> None:
        truth.add([new_item()], WHO)
        before = item_of(truth, key())
        stale = settlement(truth, key(), "a")._replace(generation=2)
        assert truth.commit([stale]) == [Refused("superseded")]
        assert item_of(truth, key()) == before

    def test_of_two_results_for_one_token_the_first_holds(self, truth: TruthStore) -> None:
        truth.add([new_item()], WHO)
        one = settlement(truth, key(), "a", Completed({"a": "first"}))
        two = settlement(truth, key(), "a", Completed({"a": "second"}))
        first, second = truth.commit([one, two])
        assert isinstance(first, Committed)
        assert second == Refused("superseded")
        assert truth.commit([two]) == [Refused("superseded")]
        assert record_of(truth, key(), "a").facts == {"a": "first"}

    def test_a_result_for_an_unknown_item_says_so(self, truth: TruthStore) -> None:
        truth.add([new_item()], WHO)
        lost = settlement(truth, key(), "a")._replace(key=key("nobody"))
        assert truth.commit([lost]) == [Refused("no_such_item")]

    def test_a_result_for_a_stage_that_never_opened_is_refused(self, truth: TruthStore) -> None:
        truth.add([new_item()], WHO)
        early = settlement(truth, key(), "a")._replace(stage="c")
        assert truth.commit([early]) == [Refused("superseded")]

    def test_one_refused_command_leaves_the_others_of_its_group_alone(self, truth: TruthStore) -> None:
        truth.add(new_items(3), WHO)
        good = [settlement(truth, key(f"i{n:04}"), "a") for n in (1, 2, 3)]
        good[1] = good[1]._replace(token="stale")
        first, second, third = truth.commit(good)
        assert isinstance(first, Committed)
        assert second == Refused("superseded")
        assert isinstance(third, Committed)
        states = [record_of(truth, key(f"i{n:04}"), "a").state for n in (1, 2, 3)]
        assert states == [StageState.COMPLETED, PENDING, StageState.COMPLETED]

    def test_commands_for_one_item_in_one_group_see_each_other(self, truth: TruthStore) -> None:
        truth.add([new_item()], WHO)
        done = settlement(truth, key(), "a")
        first, second, third = truth.commit([done, done, Reset(key(), "a", WHO)])
        assert isinstance(first, Committed)
        assert second == Refused("superseded")
        assert isinstance(third, Committed)
        record = record_of(truth, key(), "a")
        assert (record.state, record.generation) == (PENDING, 2)
        assert [set(entry.after) - {"@item"} for entry in truth.history(key())] == [{"a"}, {"a", "b"}, {"a", "b"}]

    def test_a_retry_keeps_the_stage_open_until_its_time(self, truth: TruthStore, clock: ManualClock) -> None:
        truth.add([new_item()], WHO)
        before = record_of(truth, key(), "a")
        until = clock.now_ms() + 9_000
        assert isinstance(settle(truth, key(), "a", Retry("disk_busy", until, {"errno": 16})), Committed)
        record = record_of(truth, key(), "a")
        assert (record.state, record.token, record.generation) == (PENDING, before.token, before.generation)
        assert (record.not_before_ms, record.reason, record.attempts) == (until, "disk_busy", 1)
        assert (record.evidence, record.since_ms) == ({"errno": 16}, before.since_ms)
        assert "b" not in item_of(truth, key()).stages

    def test_a_retry_without_a_time_backs_off_further_each_time(self, truth: TruthStore, clock: ManualClock) -> None:
        truth.add([new_item()], WHO)
        waits = []
        for _ in range(3):
            settle(truth, key(), "a", Retry("busy"))
            waits.append(record_of(truth, key(), "a").not_before_ms - clock.now_ms())
        assert waits == [1_000, 2_000, 4_000]

    def test_a_retry_on_the_last_receive_is_a_failure_that_may_be_replayed(self, truth: TruthStore) -> None:
        truth.add([new_item()], WHO)
        settle(truth, key(), "a", Retry("busy", evidence={"errno": 16}), last_receive=True)
        record = record_of(truth, key(), "a")
        assert (record.state, record.reason, record.retriable) == (StageState.FAILED, "busy", True)
        assert record.evidence == {"errno": 16, "receives_exhausted": True}

    def test_a_retry_that_does_not_count_keeps_the_attempts_and_never_becomes_a_failure(
        self, truth: TruthStore, clock: ManualClock
    ) -> None:
        truth.add([new_item()], WHO)
        settle(truth, key(), "a", Retry("busy"))
        away = Retry("server_away", clock.now_ms() + 9_000, {"status": 503}, counted=False)
        for _ in range(5):
            settle(truth, key(), "a", away, last_receive=True)
        record = record_of(truth, key(), "a")
        assert (record.state, record.attempts) == (StageState.PENDING, 1)
        assert (record.reason, record.evidence) == ("server_away", {"status": 503})
        assert record.not_before_ms == clock.now_ms() + 9_000
        settle(truth, key(), "a", Retry("server_away", counted=False))
        assert record_of(truth, key(), "a").not_before_ms > clock.now_ms(), "without a time, the back-off decides"

    @pytest.mark.parametrize("retriable", [True, False])
    def test_a_failure_keeps_its_reason_and_evidence_and_skips_what_needs_it(
        self, truth: TruthStore, retriable: bool
    ) -> None:
        truth.add([new_item()], WHO)
        settle(truth, key(), "a", TerminalFailure("truncated", retriable, {"bytes": 0}))
        stages = item_of(truth, key()).stages
        assert (stages["a"].state, stages["a"].reason, stages["a"].evidence) == (
            StageState.FAILED,
            "truncated",
            {"bytes": 0},
        )
        assert stages["a"].retriable is retriable
        assert stages["a"].facts is None
        assert [stages[s].state for s in "bc"] == [StageState.SKIPPED] * 2
        assert [stages[s].reason for s in "bc"] == ["a:truncated"] * 2, "the reason names the root, not the neighbour"
        assert item_of(truth, key()).settled

    def test_a_stage_that_does_not_apply_is_skipped_and_so_is_what_needs_it(self, open_truth: OpenTruth) -> None:
        truth = open_truth(gallery())
        truth.add([new_item()], WHO)
        settle(truth, key(), "read", Completed({"kind": "text"}))
        stages = item_of(truth, key()).stages
        assert (stages["look"].state, stages["look"].reason) == (StageState.SKIPPED, "not_an_image")
        assert stages["measure"].state is PENDING
        assert "judge" not in stages, "not before everything it needs is final"
        settle(truth, key(), "measure")
        judge = record_of(truth, key(), "judge")
        assert (judge.state, judge.reason) == (StageState.SKIPPED, "not_an_image")

    def test_stages_run_ahead_are_settled_in_the_same_change(self, truth: TruthStore) -> None:
        truth.add([new_item()], WHO)
        steps = (Step("b", "v7", Completed({"b": 2})), Step("c", "v1", TerminalFailure("blurred", False)))
        result = settle(truth, key(), "a", then=steps)
        assert isinstance(result, Committed)
        stages = item_of(truth, key()).stages
        assert [stages[s].state for s in "abc"] == [StageState.COMPLETED, StageState.COMPLETED, StageState.FAILED]
        assert (stages["b"].facts, stages["b"].version, stages["c"].reason) == ({"b": 2}, "v7", "blurred")
        assert len(truth.history(key())) == 2
        opened, _ = truth.opened_since(0, 100)
        assert opened == []

    @pytest.mark.parametrize("outcome", [Retry("busy"), TerminalFailure("truncated", False)])
    def test_nothing_is_run_ahead_of_a_stage_that_did_not_complete(self, truth: TruthStore, outcome: Outcome) -> None:
        truth.add([new_item()], WHO)
        settle(truth, key(), "a", outcome, then=(Step("b", "v1", Completed({"b": 2})),))
        stages = item_of(truth, key()).stages
        assert stages["a"].facts is None
        assert "b" not in stages or stages["b"].state is StageState.SKIPPED

    def test_a_step_out_of_order_is_not_taken(self, truth: TruthStore) -> None:
        truth.add([new_item()], WHO)
        settle(truth, key(), "a", then=(Step("c", "v1", Completed({"c": 3})),))
        stages = item_of(truth, key()).stages
        assert stages["b"].state is PENDING
        assert "c" not in stages

    def test_a_step_past_a_barrier_is_not_taken_and_invalidates_nothing(self, open_truth: OpenTruth) -> None:
        truth = open_truth(gallery())
        truth.add([new_item("i1"), new_item("i2")], WHO)
        settle(truth, key("i2"), "read")
        settle(truth, key("i1"), "read")
        ahead = Step("group", "v1", Completed({"group": 1}, ((key("i2"), "read"),)))
        settle(truth, key("i1"), "measure", then=(ahead,))
        group = record_of(truth, key("i1"), "group")
        assert (group.state, group.reason, group.facts) == (WAITING, "barrier", None)
        assert record_of(truth, key("i2"), "read").generation == 1, "what was not stored contradicts nobody"

    def test_a_step_that_was_run_on_facts_which_were_replaced_meanwhile_is_not_taken(
        self, open_truth: OpenTruth
    ) -> None:
        truth = open_truth(gallery())
        truth.add([new_item()], WHO)
        for name in ("read", "measure"):
            settle(truth, key(), name)
        given = (("read", 1), ("measure", 1))
        truth.commit([Reset(key(), "measure", WHO)])
        settle(truth, key(), "measure")
        settle(truth, key(), "look", then=(Step("judge", "v1", Completed({"judge": 1}), given),))
        assert record_of(truth, key(), "look").state is COMPLETED, "what the intent was for is not lost with it"
        judge = record_of(truth, key(), "judge")
        assert (judge.state, judge.facts) == (PENDING, None)
        settle(truth, key(), "judge")
        truth.commit([Reset(key(), "look", WHO)])
        again = Step("judge", "v1", Completed({"judge": 2}), (("read", 1), ("measure", 2)))
        settle(truth, key(), "look", then=(again,))
        assert record_of(truth, key(), "judge").facts == {"judge": 2}
