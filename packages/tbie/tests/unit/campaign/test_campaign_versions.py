"""Campaigns and versions that differ by tenant: each is carried out by its program, with what holds for whom by then."""

from __future__ import annotations

from tbie.campaign import CampaignState, running
from tbie.testing.builders import chain, key, record_of
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


def test_what_is_activated_for_its_own_tenant_meanwhile_is_what_the_rest_is_run_by(bench: Bench) -> None:
    bench.fill(3, "t1")
    bench.workflow.declare("a", {"t1": "strict"})
    bench.begin(tenant="t1")
    bench.workflow.declare("a", {"t1": "mild"})  # nobody will ever declare "strict" again
    bench.drive(bench.driver())
    assert (bench.get().state, bench.get().counts.reset) == (CampaignState.DONE, 3)
    assert record_of(bench.truth, key("i0001"), "a").version == "mild"


def test_one_over_all_tenants_goes_on_when_a_tenant_changes(bench: Bench) -> None:
    bench.fill(2, "t1")
    bench.fill(2, "t2")
    bench.begin()
    bench.workflow.declare("a", {"t2": "mild"})
    bench.drive(bench.driver())
    assert (bench.get().state, bench.get().counts.reset) == (CampaignState.DONE, 4)
    assert record_of(bench.truth, key("i0001", "t2"), "a").version == "mild"
    assert record_of(bench.truth, key("i0001", "t1"), "a").version == "v1"


def test_a_program_of_another_version_leaves_it_alone_though_it_declares_the_same_for_its_tenant(bench: Bench) -> None:
    bench.fill(2, "t1")
    bench.workflow.declare("a", {"t1": "strict"})
    bench.begin(tenant="t1")
    other = chain("a", "b", version="v2")
    other.declare("a", {"t1": "strict"})
    bench.drive(bench.driver(workflow=other), 3)
    assert (bench.get().waits, bench.get().counts.reset) == ("version", 0)


def test_one_that_an_older_program_began_is_told_by_its_version(bench: Bench) -> None:
    bench.fill(2, "t1")
    begun = bench.begin(tenant="t1")
    ((_, document),) = running(bench.truth)
    old = {name: value for name, value in begun.body().items() if name != "program"}
    assert bench.truth.write_document(document.kind, document.name, old, document.revision) is not None
    bench.drive(bench.driver(workflow=chain("a", "b", version="v2")), 3)
    assert (bench.get().waits, bench.get().counts.reset) == ("version", 0)
    bench.drive(bench.driver())
    assert (bench.get().state, bench.get().counts.reset) == (CampaignState.DONE, 2)


def test_a_driver_learns_what_holds_after_it_has_seen_the_campaign_that_was_begun_for_it(bench: Bench) -> None:
    bench.fill(2, "t1")
    driver = bench.driver(refresh=lambda: bench.workflow.declare("a", {"t1": "strict"}))
    bench.workflow.declare("a", {"t1": "strict"})
    bench.begin(tenant="t1")
    bench.workflow.declare("a", {})  # what this process knew last
    bench.drive(driver)
    assert (bench.get().state, bench.get().counts.reset) == (CampaignState.DONE, 2)
