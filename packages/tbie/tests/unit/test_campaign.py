"""Campaigns: every matching item is reset exactly once, whoever is killed when; never faster than allowed; stoppable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tbie.backends.memory.truth import MemoryTruth
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.campaign import (
    KIND,
    Campaign,
    CampaignError,
    CampaignState,
    Driver,
    SelectorError,
    before,
    cancel,
    find,
    resume,
    start,
    started,
)
from tbie.campaign import driver as driving
from tbie.campaign.desk import KEPT
from tbie.campaign.record import OTHERS, TENANTS_COUNTED, Counts, Selects, added, from_body
from tbie.core.cause import Cause
from tbie.core.clock import ManualClock
from tbie.core.errors import TruthUnavailableError
from tbie.core.ids import SequentialIds
from tbie.core.keys import ItemKey
from tbie.core.settings import Settings
from tbie.replay import replay
from tbie.testing.builders import WHO, chain, key, new_items, record_of, settle
from tbie.testing.faults import CrashError, Flaky, intercept_truth
from tbie.truth import NewItem, StageState, TruthStore
from tbie.workflow import Workflow

FAST = 1_000_000.0
"""Resets in a second: as good as no limit."""

SETTINGS = Settings(campaign_rate_per_s=FAST, campaign_open_items=1_000_000)


class Bench:
    """A Truth with settled items, and drivers over it that come and go as processes do."""

    def __init__(self, truth: TruthStore, workflow: Workflow, clock: ManualClock) -> None:
        self.truth, self.workflow, self.clock = truth, workflow, clock

    def fill(self, count: int, tenant: str = "t1") -> None:
        """Items whose first stage is done; the fact is their generation."""
        self.add(new_items(count, tenant))

    def add(self, items: list[NewItem]) -> None:
        self.truth.add(items, WHO)
        for item in items:
            settle(self.truth, item.key, "a")
        self.clock.advance_ms(60_000)

    def begin(self, **changes: Any) -> Campaign:
        arguments: dict[str, Any] = {"kind": "replay", "selector": "all", "stage": "a", "rate_per_s": FAST} | changes
        return start(self.truth, self.workflow, self.clock, reason="because", who="operator:test", **arguments)

    def driver(
        self,
        truth: TruthStore | None = None,
        settings: Settings = SETTINGS,
        select: Callable[[Campaign], Selects] = lambda _: lambda _then, _now: True,
        workflow: Workflow | None = None,
        name: str = "1",
        alone: bool = False,
    ) -> Driver:
        return Driver(
            workflow or self.workflow,
            truth or self.truth,
            self.clock,
            settings,
            select,
            lambda item: str((item.stages["a"].facts or {}).get("a", "none")),
            name=name,
            limit_rate=not alone,
            limit_open=not alone,
        )

    def drive(self, driver: Driver, steps: int = 200) -> Campaign | None:
        """Step, time passing, until there is nothing to do."""
        last = None
        for _ in range(steps):
            self.clock.advance_ms(1_000)
            stepped = driver.step()
            last = stepped.campaign or last
            if stepped.campaign is None and not stepped.lost and stepped.blind is None:
                break
        return last

    def get(self, name: str = "c1") -> Campaign:
        return find(self.truth, name)[0]

    def resets_of(self, name: str = "c1") -> dict[ItemKey, int]:
        """How often the campaign reset each item, by the histories alone."""
        found = {}
        for item in self.truth.items(limit=10_000):
            causes = [entry.cause for entry in self.truth.history(item.key)]
            found[item.key] = sum(cause.who.startswith(f"campaign:{name} ") for cause in causes)
        return found


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Bench]]:
    """Makes benches on one of the backends."""
    opened: list[TruthStore] = []

    def build() -> Bench:
        clock, workflow = ManualClock(), chain("a", "b")
        truth: TruthStore = (
            MemoryTruth(workflow, clock, SequentialIds())
            if request.param == "memory"
            else SqliteTruth(tmp_path / f"truth{len(opened)}.db", workflow, clock, SequentialIds(), synchronous="OFF")
        )
        opened.append(truth)
        return Bench(truth, workflow, clock)

    yield build
    for truth in opened:
        truth.close()


@pytest.fixture
def bench(make: Callable[[], Bench]) -> Bench:
    return make()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driving, "PAGE", 3)


def test_every_matching_item_is_reset_once_and_the_others_are_left_alone(bench: Bench) -> None:
    bench.fill(7)
    campaign = bench.begin()
    bench.drive(bench.driver(select=lambda _: lambda _, item: item.key.item != "i0003"))
    done = bench.get()
    assert (done.state, done.counts) == (CampaignState.DONE, Counts(7, 6, 6, 0))
    assert done.finished_ms is not None
    assert campaign.total == 7
    assert bench.resets_of() == {key(f"i{n:04}"): int(n != 3) for n in range(1, 8)}
    assert record_of(bench.truth, key("i0003"), "a").state is StageState.COMPLETED
    assert record_of(bench.truth, key("i0001"), "a").state is StageState.PENDING
    assert bench.truth.history(key("i0001"))[-1].cause == Cause("campaign:c1 for operator:test", "because")


def test_a_campaign_of_one_tenant_touches_no_other(bench: Bench) -> None:
    bench.fill(2, "t1")
    bench.fill(2, "t2")
    bench.begin(tenant="t2")
    bench.drive(bench.driver())
    assert {found.tenant for found, count in bench.resets_of().items() if count} == {"t2"}
    assert bench.get().total == 2


def test_an_item_whose_stage_has_not_opened_matches_and_is_skipped(bench: Bench) -> None:
    bench.truth.add(new_items(2), WHO)
    bench.begin(stage="b")
    bench.drive(bench.driver())
    assert bench.get().counts == Counts(2, 2, 0, 2)


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


@pytest.mark.usefixtures("small_pages")
def test_cancelled_it_stops_at_the_next_page_and_resumed_it_goes_on_where_it_was(bench: Bench) -> None:
    bench.fill(8)
    bench.begin()
    driver = bench.driver()
    bench.clock.advance_ms(1_000)
    assert driver.step().reset == 3
    cancel(bench.truth, bench.clock, "c1")
    bench.drive(driver)
    assert sum(bench.resets_of().values()) == 3
    assert bench.get().state is CampaignState.CANCELLED
    resume(bench.truth, bench.clock, "c1")
    bench.drive(driver)
    assert set(bench.resets_of().values()) == {1}
    assert bench.get().counts == Counts(8, 8, 8, 0)
    with pytest.raises(CampaignError, match="done"):
        cancel(bench.truth, bench.clock, "c1")
    with pytest.raises(CampaignError, match="begin a new one"):
        resume(bench.truth, bench.clock, "c1")


def test_it_resets_no_more_than_its_rate_allows(bench: Bench) -> None:
    bench.fill(50)
    bench.begin(rate_per_s=10.0)
    driver = bench.driver()
    sums = []
    for _ in range(30):
        bench.clock.advance_ms(100)
        driver.step()
        sums.append(sum(bench.resets_of().values()))
    assert all(count <= 10 * (n + 1) / 10 + 1e-6 for n, count in enumerate(sums))
    assert sums[-1] >= 28


def test_idle_time_saves_no_more_than_a_second_of_resets(bench: Bench) -> None:
    bench.fill(50)
    bench.begin(rate_per_s=10.0)
    driver = bench.driver()
    bench.clock.advance_ms(3_600_000)
    assert driver.step().reset == 10
    assert driver.step().reset == 0


def test_fresh_work_comes_first_because_a_campaign_waits_while_much_is_open(bench: Bench) -> None:
    bench.fill(20)
    bench.begin()
    bench.truth.add([item._replace(key=key(f"z{n}")) for n, item in enumerate(new_items(5))], WHO)
    settings = replace(SETTINGS, campaign_open_items=25)
    driver = bench.driver(settings=settings)
    bench.clock.advance_ms(10_000)
    stepped = driver.step()  # 20 stages "b" and 5 fresh "a" are open
    assert (stepped.reset, stepped.campaign and stepped.campaign.waits) == (0, "room")
    assert bench.get().updated_ms == bench.clock.now_ms()  # it waits, and lives
    for n in range(1, 9):
        settle(bench.truth, key(f"i{n:04}"), "b")
    assert driver.step().reset == 8
    assert driver.step().reset == 0


def test_alone_it_holds_nothing_back(bench: Bench) -> None:
    bench.fill(20)
    bench.begin(rate_per_s=1.0)
    settings = replace(SETTINGS, campaign_open_items=1)
    bench.drive(bench.driver(settings=settings, alone=True), steps=2)
    assert bench.get().counts.reset == 20


def test_what_was_added_after_it_began_is_fresh_and_left_alone_whatever_the_clocks_say(bench: Bench) -> None:
    bench.fill(2)
    bench.clock = ManualClock(
        bench.clock.now_ms() - 120_000
    )  # whoever begins it has a clock that is two minutes behind
    bench.begin()
    bench.add([item._replace(key=key(f"z{n}")) for n, item in enumerate(new_items(2))])
    bench.drive(bench.driver())
    assert bench.resets_of() == {key("i0001"): 1, key("i0002"): 1, key("z0"): 0, key("z1"): 0}


def test_the_summary_counts_what_was_there_before_the_reset_by_tenant(bench: Bench) -> None:
    bench.fill(2, "t1")
    bench.fill(1, "t2")
    replay(bench.truth, [key("i0001")], "a", WHO)
    bench.clock.advance_ms(60_000)
    bench.begin()
    bench.drive(bench.driver())
    assert bench.get().before == {"t1": {"none": 1, "1": 1}, "t2": {"1": 1}}


def test_before_and_after_of_an_item_come_from_its_history_and_end_at_the_next_replay(bench: Bench) -> None:
    bench.fill(1)
    for _ in range(2):
        bench.begin()
        bench.drive(bench.driver())
        settle(bench.truth, key("i0001"), "a")
        settle(bench.truth, key("i0001"), "b")
    (item,) = bench.truth.items()
    entries = bench.truth.history(item.key)
    facts = []
    for name in ("c1", "c2"):
        was = before(item, entries, bench.get(name))
        assert was is not None
        facts.append((was.then.stages["a"].facts, was.now.stages["a"].facts))
    assert facts == [({"a": 1}, {"a": 2}), ({"a": 2}, {"a": 3})]
    assert was is not None
    assert was.now == item
    assert before(item, entries, replace(bench.get("c1"), id="c9")) is None


def test_an_item_is_selected_as_it_was_when_the_campaign_began(bench: Bench) -> None:
    bench.fill(2)
    seq = bench.truth.last_seq()
    one, two = bench.begin(stage="b", from_seq=seq), bench.begin(from_seq=seq)
    b_open = lambda then, _: then.stages["b"].state is StageState.PENDING  # noqa: E731
    a_done = lambda then, _: then.stages["a"].state is StageState.COMPLETED  # noqa: E731
    replay(bench.truth, [key("i0002")], "a", WHO)  # now its "b" waits, and its "a" is open
    bench.drive(bench.driver(select=lambda campaign: b_open if campaign.stage == "b" else a_done))
    assert bench.get(one.id).counts == Counts(2, 2, 1, 1)
    assert bench.get(two.id).counts == Counts(2, 2, 2, 0)
    assert bench.get(two.id).before == {"t1": {"1": 2}}


def test_what_comes_of_two_campaigns_at_once_is_what_the_item_became_in_the_end(bench: Bench) -> None:
    bench.fill(1)
    settle(bench.truth, key("i0001"), "b")
    seq = bench.truth.last_seq()
    for stage in ("a", "b"):
        bench.begin(stage=stage, from_seq=seq)
    bench.drive(bench.driver())
    assert [bench.get(name).counts.reset for name in ("c1", "c2")] == [1, 0]
    settle(bench.truth, key("i0001"), "a")
    bench.begin(stage="b")
    bench.drive(bench.driver())
    settle(bench.truth, key("i0001"), "b")
    replay(bench.truth, [key("i0001")], "b", WHO)
    (item,) = bench.truth.items()
    entries = bench.truth.history(item.key)
    first, third = before(item, entries, bench.get("c1")), before(item, entries, bench.get("c3"))
    assert first is not None
    assert third is not None
    assert first.then.settled
    assert (
        first.now.stages["b"].state is StageState.PENDING
    )  # c1 had settled nothing when c3 took it over; then a person
    assert third.now.stages["b"].state is StageState.COMPLETED


def test_a_selector_that_cannot_be_read_pauses_the_campaign_and_says_why(bench: Bench) -> None:
    def refuse(_: Campaign) -> Selects:
        raise SelectorError("no field 'colour'")

    bench.fill(2)
    bench.begin()
    bench.drive(bench.driver(select=refuse))
    assert (bench.get().state, bench.get().problem) == (CampaignState.PAUSED, "no field 'colour'")
    resume(bench.truth, bench.clock, "c1")
    bench.drive(bench.driver())
    assert (bench.get().state, bench.get().problem) == (CampaignState.DONE, None)


def test_a_selector_that_breaks_on_an_item_pauses_the_campaign_and_names_the_item(bench: Bench) -> None:
    bench.fill(2)
    bench.begin()
    bench.drive(bench.driver(select=lambda _: lambda _, item: item.attributes["no such"] == 1))
    assert bench.get().state is CampaignState.PAUSED
    assert "i0001" in str(bench.get().problem)
    assert set(bench.resets_of().values()) == {0}


def test_a_driver_that_declares_another_version_leaves_the_campaign_to_others(bench: Bench) -> None:
    bench.fill(2)
    bench.begin(kind="regrade")
    bench.drive(bench.driver(workflow=chain("a", "b", version="v2")))
    assert (bench.get().state, bench.get().waits) == (CampaignState.RUNNING, "version")
    assert set(bench.resets_of().values()) == {0}
    bench.drive(bench.driver())
    assert (bench.get().state, bench.get().waits) == (CampaignState.DONE, None)


def test_campaigns_are_driven_in_the_order_in_which_they_began(bench: Bench) -> None:
    bench.fill(2)
    assert [bench.begin().id, bench.begin().id] == ["c1", "c2"]
    driver = bench.driver()
    bench.clock.advance_ms(1_000)
    driver.step()
    assert [c.state.value for c in started(bench.truth)] == ["done", "running"]
    bench.drive(driver)
    assert set(bench.resets_of("c2").values()) == {1}


def test_finished_campaigns_are_forgotten_oldest_first_and_no_number_comes_back(bench: Bench) -> None:
    for _ in range(KEPT + 2):
        cancel(bench.truth, bench.clock, bench.begin().id)
    assert bench.begin().id == f"c{KEPT + 3}"
    assert [c.id for c in started(bench.truth)][:2] == ["c3", "c4"]


def test_a_campaign_that_is_not_there_is_said_so(bench: Bench) -> None:
    with pytest.raises(CampaignError, match="no campaign 'c7'"):
        find(bench.truth, "c7")


def test_a_document_gives_back_the_campaign_and_survives_keys_that_a_newer_program_added(bench: Bench) -> None:
    bench.fill(2)
    bench.begin()
    bench.drive(bench.driver())
    (document,) = bench.truth.documents(KIND)
    assert document.body["cursor"] == ["t1", "i0002"]
    assert from_body({**document.body, "mood": "good"}) == bench.get()


def test_a_summary_of_very_many_tenants_stays_small() -> None:
    total = added({}, {f"t{n}": {"keep": 1} for n in range(TENANTS_COUNTED + 50)})
    assert len(total) == TENANTS_COUNTED + 1
    assert total[OTHERS] == {"keep": 50}


def test_an_idle_driver_reads_the_store_twice_a_second_at_most(bench: Bench) -> None:
    fault = Flaky({})
    driver = bench.driver(fault.truth(bench.truth))
    for _ in range(100):
        bench.clock.advance_ms(10)
        driver.step()
    assert fault.calls == {"truth.documents": 2}
