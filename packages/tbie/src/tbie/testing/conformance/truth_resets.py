"""Truth, part 6: resets that are counted against a budget, and what may be reset by itself."""

from __future__ import annotations

import pytest

from tbie.core.clock import ManualClock
from tbie.core.outcome import Retry, TerminalFailure
from tbie.history import fold, plain
from tbie.testing.builders import WHO, chain, item_of, key, new_item, new_items, record_of, settle
from tbie.testing.conformance.fixtures import OpenTruth, WithTruth
from tbie.truth import QUARANTINED, Committed, FailedStage, Refused, Reset, StageState, TruthStore, Update

BUSY = TerminalFailure("busy", True)
LATER = 2**60


def automatic(truth: TruthStore, name: str = "i1", stage: str = "a") -> object:
    """What the reconciler does to a failure that has rested."""
    token = record_of(truth, key(name), stage).token
    (result,) = truth.commit([Reset(key(name), stage, WHO, (StageState.FAILED,), automatic=True, token=token)])
    return result


def resets(truth: TruthStore, stage: str = "a") -> int:
    """How many resets of item i1 count."""
    return record_of(truth, key(), stage).resets


class Resets(WithTruth):
    """Automatic and deliberate resets, and what they are decided on."""

    @pytest.fixture
    def failing(self, open_truth: OpenTruth) -> TruthStore:
        """a → b; item i1 has failed in a, for a reason that may pass."""
        truth = open_truth(chain("a", "b"))
        truth.add([new_item()], WHO)
        settle(truth, key(), "a", BUSY)
        return truth

    def test_automatic_resets_are_counted_through_every_attempt_that_fails(self, failing: TruthStore) -> None:
        assert resets(failing) == 0
        for count in (1, 2, 3):
            assert isinstance(automatic(failing), Committed)
            record = record_of(failing, key(), "a")
            assert (record.state, record.resets, record.generation) == (StageState.PENDING, count, count + 1)
            settle(failing, key(), "a", Retry("busy", 0))
            assert resets(failing) == count, "another attempt is no reset"
            settle(failing, key(), "a", BUSY)
            assert resets(failing) == count

    def test_a_deliberate_reset_makes_the_budget_whole(self, failing: TruthStore) -> None:
        automatic(failing)
        settle(failing, key(), "a", BUSY)
        failing.commit([Reset(key(), "a", WHO)])
        assert (record_of(failing, key(), "a").state, resets(failing)) == (StageState.PENDING, 0)

    def test_a_result_makes_the_budget_whole(self, failing: TruthStore) -> None:
        automatic(failing)
        settle(failing, key(), "a")
        assert (record_of(failing, key(), "a").state, resets(failing)) == (StageState.COMPLETED, 0)

    def test_an_item_that_moves_begins_with_a_whole_budget(self, failing: TruthStore) -> None:
        automatic(failing)
        failing.commit([Update(key(), new_item("moved").address, {}, WHO)])
        assert resets(failing) == 0

    def test_what_is_downstream_of_an_automatic_reset_is_not_charged(self, failing: TruthStore) -> None:
        automatic(failing)
        assert resets(failing, "b") == 0
        settle(failing, key(), "a")
        settle(failing, key(), "b", BUSY)
        automatic(failing, stage="b")
        assert (resets(failing, "a"), resets(failing, "b")) == (0, 1)

    def test_resets_are_in_the_history_too(self, failing: TruthStore) -> None:
        automatic(failing)
        rows = fold(failing.history(key()))
        assert rows["a"]["resets"] == 1
        assert rows["a"] == plain(record_of(failing, key(), "a"))

    def test_a_reset_decided_about_another_token_is_void(self, failing: TruthStore) -> None:
        old = record_of(failing, key(), "a").token
        automatic(failing)
        settle(failing, key(), "a", BUSY)
        before = item_of(failing, key())
        late = Reset(key(), "a", WHO, automatic=True, token=old)
        assert failing.commit([late]) == [Refused("superseded")]
        assert item_of(failing, key()) == before

    def test_a_campaign_that_is_resumed_resets_nothing_twice(self, failing: TruthStore, clock: ManualClock) -> None:
        clock.advance_ms(10)
        begun_ms = clock.now_ms()
        command = Reset(key(), "a", WHO, only_before_ms=begun_ms)
        (first,) = failing.commit([command])
        assert isinstance(first, Committed)
        assert failing.commit([command]) == [Refused("nothing_to_do")], "since begun_ms is not before begun_ms"
        clock.advance_ms(10)
        settle(failing, key(), "a", BUSY)
        assert failing.commit([command]) == [Refused("nothing_to_do")]
        assert record_of(failing, key(), "a").generation == 2

    def test_a_stage_without_a_record_is_not_reset(self, failing: TruthStore) -> None:
        failing.add([new_item("i2")], WHO)
        assert failing.commit([Reset(key("i2"), "b", WHO, token="any")]) == [Refused("nothing_to_do")]

    def test_what_may_be_reset_by_itself_carries_all_that_the_decision_needs(
        self, failing: TruthStore, clock: ManualClock
    ) -> None:
        record = record_of(failing, key(), "a")
        expected = FailedStage(key(), "a", record.token, "busy", 0, clock.now_ms())
        assert failing.failed_stages("a", 2, clock.now_ms(), 10) == [expected]
        assert failing.failed_stages("a", 2, clock.now_ms() - 1, 10) == [], "it has not rested yet"
        assert failing.failed_stages("a", 0, LATER, 10) == [], "there is no budget"
        assert failing.failed_stages("b", 2, LATER, 10) == [], "b was skipped, it did not fail"
        automatic(failing)
        assert failing.failed_stages("a", 2, LATER, 10) == [], "it is open"

    def test_a_spent_budget_is_a_person_s_decision(self, failing: TruthStore) -> None:
        for _ in range(2):
            automatic(failing)
            settle(failing, key(), "a", BUSY)
        assert failing.failed_stages("a", 2, LATER, 10) == []
        assert [row.resets for row in failing.failed_stages("a", 3, LATER, 10)] == [2]

    def test_what_killed_its_worker_or_may_not_be_retried_is_never_offered(self, failing: TruthStore) -> None:
        reasons = (*QUARANTINED, "truncated")
        failing.add([new_item(reason) for reason in reasons], WHO)
        for reason in reasons:
            settle(failing, key(reason), "a", TerminalFailure(reason, reason in QUARANTINED))
        assert [row.key.item for row in failing.failed_stages("a", 9, LATER, 10)] == ["i1"]

    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    def test_pages_of_failures_come_by_resets_and_age_without_gap_or_repeat(
        self, open_truth: OpenTruth, clock: ManualClock, limit: int
    ) -> None:
        truth = open_truth(chain("a"))
        truth.add(new_items(9), WHO)
        names = [f"i{number:04}" for number in range(1, 10)]
        for name in names[:4]:  # four with one reset behind them, of one age
            settle(truth, key(name), "a", BUSY)
            automatic(truth, name)
            settle(truth, key(name), "a", BUSY)
        for name in reversed(names[4:]):  # five without, the last first; two of them of one age
            settle(truth, key(name), "a", BUSY)
            clock.advance_ms(0 if name == names[5] else 1)
        pages: list[FailedStage] = []
        after = None
        while page := truth.failed_stages("a", 2, LATER, limit, after):
            assert len(page) <= limit
            pages += page
            after = page[-1]
        assert len(pages) == len({row.key for row in pages}) == 9
        order = [(row.resets, row.updated_ms) for row in pages]
        assert order == sorted(order)
        assert [row.key.item for row in pages[:3]] == ["i0009", "i0008", "i0007"]
        assert {row.key.item for row in pages[5:]} == set(names[:4])

    def test_a_page_of_failures_goes_on_after_its_rows_were_reset(self, open_truth: OpenTruth) -> None:
        truth = open_truth(chain("a"))
        truth.add(new_items(4), WHO)
        for number in range(1, 5):
            settle(truth, key(f"i{number:04}"), "a", BUSY)
        first = truth.failed_stages("a", 1, LATER, 2)
        for row in first:
            assert isinstance(automatic(truth, row.key.item), Committed)
        rest = truth.failed_stages("a", 1, LATER, 10, first[-1])
        assert {row.key.item for row in (*first, *rest)} == {"i0001", "i0002", "i0003", "i0004"}
        assert len(rest) == 2
