"""Incidents of the control plane: silent, blind, doubled, with a gap in its stream, or with a wrong clock beside it."""

from __future__ import annotations

from tests.incidents.conftest import Drilled


def test_a_killed_reconciler_is_a_silent_control_plane_and_its_successor_finishes(drilled: Drilled) -> None:
    report = drilled("reconciler_killed")
    assert (report.drill.code, report.drill.boundary) == ("control_plane_silent", "control-plane")


def test_a_control_plane_that_cannot_read_its_queue_says_so_and_scales_nothing_in(drilled: Drilled) -> None:
    report = drilled("control_plane_blind")
    assert (report.drill.code, report.drill.boundary) == ("control_plane_blind", "control-plane")
    assert int(str(report.measures["unreadable"])) > 0


def test_a_tenant_that_the_stream_never_showed_is_served_by_the_sweep(drilled: Drilled) -> None:
    report = drilled("undiscovered_tenant")
    assert (report.drill.code, report.drill.boundary) == ("undiscovered_tenant", "control-plane")


def test_rows_that_are_missing_from_the_stream_are_found_by_the_sweep(drilled: Drilled) -> None:
    report = drilled("stream_gap")
    assert (report.drill.code, report.drill.boundary) == ("stream_gap", "control-plane")


def test_a_leader_that_hung_past_its_term_commits_nothing_when_it_wakes_up(drilled: Drilled) -> None:
    report = drilled("two_reconcilers")
    assert (report.drill.code, report.drill.boundary) == ("two_reconcilers", "control-plane")


def test_a_worker_with_a_wrong_clock_is_named_and_does_no_harm(drilled: Drilled) -> None:
    report = drilled("clock_skew")
    assert (report.drill.code, report.drill.boundary) == ("clock_skew", "belief")
    assert int(str(report.measures["results_of_the_worker_with_the_wrong_clock"])) > 0
