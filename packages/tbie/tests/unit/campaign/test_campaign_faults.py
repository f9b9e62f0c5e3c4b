"""A campaign killed at any call, two drivers at once, a store that is away: each item is reset exactly once all the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tbie.campaign import (
    CampaignState,
    Driver,
    cancel,
)
from tbie.campaign.record import KIND, CampaignError, Counts
from tbie.core.errors import TruthUnavailableError
from tbie.testing.builders import key, new_items
from tbie.testing.campaigns import Bench
from tbie.testing.faults import CrashError, Flaky, intercept_truth


def _steps_until_it_is_done(bench: Bench, fault: Flaky) -> None:
    driver = bench.driver(fault.truth(bench.truth))
    while bench.get().state is CampaignState.RUNNING:
        bench.clock.advance_ms(1_000)
        driver.step()


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_call_to_the_store_nothing_is_reset_twice_and_nothing_left_out(
    make: Callable[[], Bench], when: str
) -> None:
    """The campaign is killed at each of its calls in turn, others come in between, another driver goes on."""
    whole = Flaky({})
    model = make()
    model.fill(8)
    model.begin()
    _steps_until_it_is_done(model, whole)
    points = [(method, n) for method, count in whole.calls.items() for n in range(1, count + 1)]
    assert {"truth.commit", "truth.write_document", "truth.items"} <= whole.calls.keys()
    assert len(points) > 12
    for method, number in points:
        bench = make()
        bench.fill(8)
        bench.begin()
        with suppress(CrashError):
            _steps_until_it_is_done(bench, Flaky({method: {number: when}}))
        between = [item._replace(key=key(f"{item.key.item}x")) for item in new_items(8)]
        bench.add(between)  # moves the bounds of every page that is read again
        bench.drive(bench.driver(name="2"))
        done = bench.get()
        assert done.state is CampaignState.DONE, (method, number)
        assert bench.resets_of() == {key(f"i{n:04}"): 1 for n in range(1, 9)} | {i.key: 0 for i in between}, (
            method,
            number,
        )
        assert (done.counts.matched, done.counts.reset) == (8, 8), (method, number)
        assert done.before == {"t1": {"1": 8}}, (method, number)


@pytest.mark.usefixtures("small_pages")
def test_a_store_that_is_away_is_a_blind_step_and_the_next_one_goes_on(bench: Bench) -> None:
    bench.fill(8)
    bench.begin()
    fault = Flaky({"truth.write_document": {2: "after"}, "truth.commit": {2: "before"}}, TruthUnavailableError)
    driver, blind = bench.driver(fault.truth(bench.truth)), 0
    while bench.get().state is CampaignState.RUNNING:
        bench.clock.advance_ms(1_000)
        blind += driver.step().blind is not None
    assert blind == 2
    assert set(bench.resets_of().values()) == {1}
    assert bench.get().counts == Counts(8, 8, 8, 0)


class _Interleaved:
    """Lets another driver make a step just before each *every*-th call of one method by this one."""

    def __init__(self, other: Driver, method: str, every: int) -> None:
        self._other, self._point, self._calls = other, (method, every), 0

    def __call__(self, name: str, method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if name == self._point[0]:
            self._calls += 1
            if self._calls % self._point[1] == 0:
                self._other.step()
        return method(*args, **kwargs)


@pytest.mark.usefixtures("small_pages")
def test_two_drivers_at_once_reset_nothing_twice_wherever_they_meet(make: Callable[[], Bench]) -> None:
    for method in ("truth.documents", "truth.items", "truth.commit", "truth.write_document"):
        for number in (1, 2, 3):
            bench = make()
            bench.fill(20)
            bench.begin()
            other = bench.driver(name="2")
            one = bench.driver(intercept_truth(bench.truth, _Interleaved(other, method, number)), name="1")
            while bench.get().state is CampaignState.RUNNING:
                bench.clock.advance_ms(1_000)
                one.step()
                other.step()
            assert set(bench.resets_of().values()) == {1}, (method, number)
            assert bench.get().counts == Counts(20, 20, 20, 0), (method, number)


class _NoteLost:
    """Once armed, the position after a committed page is not written."""

    def __init__(self) -> None:
        self.armed, self._last = False, ""

    def __call__(self, name: str, method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        last, self._last = self._last, name
        if self.armed and (last, name) == ("truth.commit", "truth.write_document"):
            raise TruthUnavailableError("away")
        return method(*args, **kwargs)


@pytest.mark.usefixtures("small_pages")
def test_a_page_committed_by_another_whose_note_was_lost_is_not_committed_again(bench: Bench) -> None:
    bench.fill(20)
    bench.begin()
    lost = _NoteLost()
    other = bench.driver(intercept_truth(bench.truth, lost), name="2")
    one = bench.driver(intercept_truth(bench.truth, _Interleaved(other, "truth.commit", 2)), name="1")
    bench.clock.advance_ms(1_000)
    assert (other.step().reset, one.step().reset) == (3, 3)
    lost.armed = True
    assert one.step().lost  # while it was about to commit, the other one did
    lost.armed = False
    bench.drive(bench.driver(name="3"))
    assert set(bench.resets_of().values()) == {1}


def test_a_deposed_driver_commits_nothing_and_says_that_it_lost(bench: Bench) -> None:
    bench.fill(3)
    bench.begin()
    driver = bench.driver(intercept_truth(bench.truth, _Cancelling(bench)))
    bench.clock.advance_ms(1_000)
    assert driver.step().lost
    assert set(bench.resets_of().values()) == {0}
    assert bench.get().state is CampaignState.CANCELLED


class _Cancelling:
    """Cancels the campaign just before its first page is committed."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def __call__(self, name: str, method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if name == "truth.commit":
            cancel(self._bench.truth, self._bench.clock, "c1")
        return method(*args, **kwargs)


def test_a_campaign_that_a_newer_program_wrote_ends_no_engine_and_stays_as_it_is(bench: Bench) -> None:
    bench.fill(3)
    newer = bench.truth.write_document(KIND, "c1", {"id": "c1", "state": "dreaming"}, None)
    mine = bench.begin()
    assert mine.id == "c2"
    bench.drive(bench.driver())
    assert bench.get("c2").state is CampaignState.DONE
    assert newer in bench.truth.documents(KIND)
    with pytest.raises(CampaignError, match="another version"):
        bench.get("c1")
