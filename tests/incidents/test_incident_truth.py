"""Incidents of Truth: rows re-opened on top of old answers, rules that changed, a record that is away, a disk that is full."""

from __future__ import annotations

from tests.incidents.conftest import Drilled


def test_what_a_script_re_opened_is_reset_to_a_clean_boundary_before_it_runs(drilled: Drilled) -> None:
    report = drilled("dirty_retry")
    assert (report.drill.code, report.drill.boundary) == ("dirty_retry", "truth")
    assert report.measures["rows_reopened"] == 10


def test_what_was_judged_by_older_rules_is_found_and_judged_again_by_a_campaign(drilled: Drilled) -> None:
    report = drilled("policy_change")
    assert (report.drill.code, report.drill.boundary) == ("policy_change", "truth")
    assert report.measures["before"] == {"keep": 10}
    assert report.measures["after"] == {"keep": 9, "reject": 1}  # the screenshot is none of the photographs


def test_a_truth_that_was_away_for_a_while_is_named_and_work_goes_on_when_it_is_back(drilled: Drilled) -> None:
    report = drilled("truth_unavailable")
    assert (report.drill.code, report.drill.boundary) == ("truth_unavailable", "truth")


def test_a_disk_that_was_full_costs_time_and_nothing_else(drilled: Drilled) -> None:
    report = drilled("disk_full")
    assert (report.drill.code, report.drill.boundary) == ("disk_full", "truth")
