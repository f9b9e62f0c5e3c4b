"""Incidents of Intent: requests that are gone, wrong, too old, too many, or there twice."""

from __future__ import annotations

from tests.incidents.conftest import Drilled


def test_messages_that_an_old_worker_deleted_are_told_apart_and_sent_again(drilled: Drilled) -> None:
    report = drilled("intent_destroyed_early")
    assert (report.drill.code, report.drill.boundary) == ("intent_destroyed_early", "intent")
    assert report.measures["messages_deleted"] == 3
    assert "leaves no margin" in str(report.guardrail)


def test_pending_rows_without_messages_are_found_and_get_new_ones(drilled: Drilled) -> None:
    report = drilled("truth_without_intent")
    assert (report.drill.code, report.drill.boundary) == ("truth_without_intent", "intent")
    assert int(str(report.measures["waiting_messages"])) > 0


def test_a_queue_that_was_deleted_is_rebuilt_from_truth(drilled: Drilled) -> None:
    report = drilled("queue_purged")
    assert (report.drill.code, report.drill.boundary) == ("truth_without_intent", "intent")


def test_a_message_for_another_bucket_is_put_right_and_burns_no_attempt(drilled: Drilled) -> None:
    report = drilled("misrouted_intent")
    assert (report.drill.code, report.drill.boundary) == ("misrouted_intent", "intent")
    assert "refused at construction" in str(report.guardrail)


def test_messages_that_expired_over_a_long_weekend_are_told_apart_and_sent_again(drilled: Drilled) -> None:
    report = drilled("intent_expired")
    assert (report.drill.code, report.drill.boundary) == ("intent_expired", "intent")
    assert "retention_s=172800 is shorter than outage_window_s=345600" in str(report.guardrail)


def test_a_thousand_sweeps_do_not_swell_the_queue_and_stray_messages_drain(drilled: Drilled) -> None:
    report = drilled("replay_storm")
    assert (report.drill.code, report.drill.boundary) == ("replay_storm", "intent")
    assert report.measures["sweeps"] == 1000
    assert int(str(report.measures["deepest_queue"])) <= int(str(report.measures["open_stages"]))
    assert int(str(report.measures["stray_messages"])) > int(str(report.measures["open_stages"]))


def test_what_is_delivered_twice_and_out_of_order_has_one_effect(drilled: Drilled) -> None:
    report = drilled("duplicate_delivery")
    assert (report.drill.code, report.drill.boundary) == ("duplicate_delivery", "intent")
    assert int(str(report.measures["delivered_twice"])) > 0
