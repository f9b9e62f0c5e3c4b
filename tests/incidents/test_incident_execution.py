"""Incidents of Execution: workers that never register, do not fit, crash on one picture, or are killed."""

from __future__ import annotations

from tests.incidents.conftest import Drilled


def test_workers_that_start_and_never_register_are_a_bootstrap_silence(drilled: Drilled) -> None:
    report = drilled("stale_image_tag")
    assert (report.drill.code, report.drill.boundary) == ("bootstrap_silence", "execution")


def test_workers_that_lack_a_declared_file_decline_and_spend_no_receive(drilled: Drilled) -> None:
    report = drilled("incomplete_model")
    assert (report.drill.code, report.drill.boundary) == ("execution_drift", "execution")
    assert report.measures["receives_spent"] == 0
    assert "file preprocessor_config.json: declared sha256 " in str(report.guardrail)


def test_a_picture_that_kills_its_workers_is_quarantined_and_the_others_are_judged(drilled: Drilled) -> None:
    report = drilled("poison_item")
    assert (report.drill.code, report.drill.boundary) == ("poison_item", "execution")
    assert report.measures["workers_killed"] == 2
    assert report.effects is not None
    assert report.effects.failed == {"large.jpg": "worker_died"}


def test_a_worker_killed_in_the_middle_of_a_picture_costs_that_attempt_alone(drilled: Drilled) -> None:
    report = drilled("worker_killed_before_commit")
    assert (report.drill.code, report.drill.boundary) == ("worker_died", "execution")


def test_what_a_worker_committed_before_it_was_killed_is_not_done_again(drilled: Drilled) -> None:
    report = drilled("worker_killed_after_commit")
    assert (report.drill.code, report.drill.boundary) == ("worker_died", "execution")
    assert int(str(report.measures["committed_but_not_settled"])) > 0
