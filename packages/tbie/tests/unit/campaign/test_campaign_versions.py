"""Campaigns and versions that differ by tenant: each is carried out for what it was begun for, or waits and says so."""

from __future__ import annotations

from tbie.campaign import CampaignState
from tbie.testing.builders import key, record_of
from tbie.testing.campaigns import Bench


def test_a_campaign_of_one_tenant_carries_the_version_of_that_tenant(bench: Bench) -> None:
    bench.fill(2, "t1")
    bench.fill(2, "t2")
    bench.workflow.declare("a", {"t2": "mild"})
    assert bench.begin(tenant="t2").version == "mild"
    assert bench.begin(tenant="t1").version == "v1"
    assert bench.begin().version == bench.workflow.version("a", None) not in ("mild", "v1")


def test_what_another_tenant_activates_does_not_stop_it(bench: Bench) -> None:
    bench.fill(3, "t1")
    bench.fill(3, "t2")
    bench.begin(tenant="t2")
    bench.workflow.declare("a", {"t1": "strict"})
    bench.drive(bench.driver())
    assert (bench.get().state, bench.get().counts.reset) == (CampaignState.DONE, 3)
    assert record_of(bench.truth, key("i0001", "t2"), "a").version == "v1"


def test_it_waits_while_something_else_is_declared_for_its_tenant_and_goes_on_when_that_is_taken_back(
    bench: Bench,
) -> None:
    bench.fill(3, "t1")
    bench.workflow.declare("a", {"t1": "strict"})
    bench.begin(tenant="t1")
    bench.workflow.declare("a", {"t1": "mild"})
    bench.drive(bench.driver(), 3)
    assert (bench.get().state, bench.get().waits, bench.get().counts.reset) == (CampaignState.RUNNING, "version", 0)
    bench.workflow.declare("a", {"t1": "strict"})
    bench.drive(bench.driver())
    assert (bench.get().state, bench.get().counts.reset) == (CampaignState.DONE, 3)
    assert record_of(bench.truth, key("i0001"), "a").version == "strict"


def test_one_over_all_tenants_waits_when_any_tenant_changes(bench: Bench) -> None:
    bench.fill(2, "t1")
    bench.fill(2, "t2")
    bench.begin()
    bench.workflow.declare("a", {"t2": "mild"})
    bench.drive(bench.driver(), 3)
    assert (bench.get().waits, bench.get().counts.reset) == ("version", 0)
    bench.workflow.declare("a", {"t2": "v1"})
    bench.drive(bench.driver())
    assert bench.get().counts.reset == 4


def test_a_driver_learns_what_holds_after_it_has_seen_the_campaign_that_was_begun_for_it(bench: Bench) -> None:
    bench.fill(2, "t1")
    driver = bench.driver(refresh=lambda: bench.workflow.declare("a", {"t1": "strict"}))
    bench.workflow.declare("a", {"t1": "strict"})
    bench.begin(tenant="t1")
    bench.workflow.declare("a", {})  # what this process knew last
    bench.drive(driver)
    assert (bench.get().state, bench.get().counts.reset) == (CampaignState.DONE, 2)
