"""Campaigns: every matching item is reset exactly once, whoever is killed when; never faster than allowed; stoppable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tbie.campaign import (
    KIND,
    Campaign,
    CampaignError,
    CampaignState,
    SelectorError,
    before,
    cancel,
    find,
    resume,
    started,
)
from tbie.campaign.desk import KEPT
from tbie.campaign.record import OTHERS, TENANTS_COUNTED, Counts, Selects, added, from_body
from tbie.core.cause import Cause
from tbie.core.clock import ManualClock
from tbie.replay import replay
from tbie.testing.builders import WHO, chain, key, new_items, record_of, settle
from tbie.testing.campaigns import SETTINGS, Bench
from tbie.testing.faults import Flaky
from tbie.truth import StageState


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


def test_one_that_waits_for_its_turn_says_so_and_does_not_look_stalled(bench: Bench) -> None:
    bench.fill(60)
    bench.begin(rate_per_s=1.0)
    bench.begin()
    driver, quiet_ms = bench.driver(), 0
    for _ in range(50):
        bench.clock.advance_ms(1_000)
        driver.step()
        quiet_ms = max(quiet_ms, bench.clock.now_ms() - bench.get("c2").updated_ms)
    assert (bench.get().state, bench.get("c2").waits) == (CampaignState.RUNNING, "turn")
    assert quiet_ms <= 20_000
    assert set(bench.resets_of("c2").values()) == {0}


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
