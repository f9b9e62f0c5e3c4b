"""The control plane, Truth and Belief: each finding, and its absence; and which of several is the root."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from packages.tbie.tests.unit.diagnose.scene import Scene
from tbie.core.errors import IntentUnavailableError, TruthUnavailableError
from tbie.core.outcome import Completed, Retry
from tbie.diagnose import diagnose, take
from tbie.testing.builders import WHO, chain, key, new_items, settle
from tbie.testing.faults import intercept_intent, intercept_truth
from tbie.truth import Heartbeat, Rotate


@pytest.fixture
def scene() -> Scene:
    """Three items of one tenant, their intents sent, everybody alive."""
    scene = Scene()
    scene.add(3)
    scene.send()
    scene.later(5)
    scene.well()
    return scene


def failing(error: Exception, *names: str) -> Callable[..., Any]:
    """A store whose methods of *names* (all, without names) raise *error*."""

    def call(name: str, method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if not names or name.partition(".")[2] in names:
            raise error
        return method(*args, **kwargs)

    return call


# -- the control plane


def test_a_silent_reconciler_explains_every_intent_that_is_missing(scene: Scene) -> None:
    scene.queue.purge()
    scene.later(7)
    scene.work()
    assert set(scene.codes()) == {"truth_without_intent", "control_plane_silent"}
    assert scene.diagnose().verdict == "control-plane"
    assert "control_plane_silent" in scene.diagnose().summary


def test_an_idle_home_may_be_left_alone_unless_an_engine_is_expected(scene: Scene) -> None:
    for row in scene.open():
        settle(scene.truth, row.key, "a", Completed({}))
        settle(scene.truth, row.key, "b", Completed({}))
    scene.queue.purge()
    scene.later(60)
    assert scene.codes() == []
    assert scene.diagnose().healthy
    args = (scene.workflow, scene.truth, scene.queue, scene.clock, scene.settings)
    expected = diagnose(take(*args, engine_expected=True), scene.settings)
    assert [finding.code for finding in expected.findings] == ["control_plane_silent"]


def test_a_blind_reconciler_explains_the_queue_that_nobody_can_read(scene: Scene) -> None:
    scene.queue = intercept_intent(scene.queue, failing(IntentUnavailableError("denied"), "depth", "presence"))
    assert scene.codes() == ["queue_unreadable"]
    assert scene.diagnose().verdict == "belief"
    scene.lead(blind=["queue a: denied"])
    assert scene.codes() == ["control_plane_blind", "queue_unreadable"]
    assert scene.diagnose().verdict == "control-plane"


def test_a_leader_that_goes_on_after_another_took_the_term_is_one_of_two(scene: Scene) -> None:
    scene.truth.write_document("term", "reconciler", {"holder": "r2", "until_ms": 0}, None)
    scene.lead("r2", epoch=1)
    assert scene.codes() == []  # r1 was heard last before the term changed hands
    scene.later(1)
    scene.lead("r1", epoch=0)
    scene.lead("r2", epoch=1)
    assert scene.codes() == ["two_reconcilers"]
    assert set(scene.find("two_reconcilers").value("leaders")) == {"r1", "r2"}  # type: ignore[call-overload]


def test_a_reconciler_that_stands_by_is_no_second_leader(scene: Scene) -> None:
    scene.truth.write_document("term", "reconciler", {"holder": "r1", "until_ms": 0}, None)
    scene.later(1)
    scene.lead("r1")
    scene.lead("r2", role="standby")
    assert scene.codes() == []


def test_a_commit_that_the_fence_refused_is_told_for_some_minutes(scene: Scene) -> None:
    scene.lead("r2", role="standby", fenced_ms=0)
    assert scene.codes() == []
    scene.lead("r2", role="standby", fenced_ms=scene.clock.now_ms())
    assert scene.codes() == ["(two_reconcilers)"]


def test_a_standby_that_lives_does_not_stand_in_for_a_leader_that_is_silent(scene: Scene) -> None:
    scene.later(7)
    scene.work()
    scene.lead("r2", role="standby")
    assert scene.codes() == ["control_plane_silent"]


def test_rows_that_a_living_reconciler_does_not_come_to_mean_a_stalled_stream(scene: Scene) -> None:
    before = scene.truth.last_seq()
    scene.add(items=new_items(5)[3:])
    scene.later(10)
    scene.work()
    scene.lead(cursor=before, lag=2)
    assert scene.codes() == []
    scene.later(1)
    scene.work()
    scene.lead(cursor=before, lag=2)
    assert scene.codes() == ["stream_stalled"]
    finding = scene.find("stream_stalled")
    assert (finding.value("unread"), finding.value("lag")) == (2, 2)


def test_a_sweep_that_has_not_run_for_three_intervals_is_starved(scene: Scene) -> None:
    swept = scene.clock.now_ms()
    scene.later(30)
    scene.work()
    scene.lead(last_sweep_ms=swept)
    assert scene.codes() == []
    scene.later(1)
    scene.work()
    scene.lead(last_sweep_ms=swept)
    assert scene.codes() == ["sweep_starved"]


def test_a_sweep_that_never_ran_is_starved_once_something_waits_for_it(scene: Scene) -> None:
    scene.later(60)
    scene.work()
    scene.lead(last_sweep_ms=0)
    assert scene.codes() == []
    scene.queue.purge()
    assert set(scene.codes()) == {"truth_without_intent", "sweep_starved"}
    assert scene.diagnose().verdict == "control-plane"


@pytest.mark.parametrize(
    ("body", "quiet_s", "codes"),
    [
        ({"state": "running"}, 59, []),
        ({"state": "running"}, 61, ["campaign_stalled"]),
        ({"state": "done"}, 61, []),
        ({"state": "paused", "problem": "no such fact"}, 0, ["campaign_stalled"]),
    ],
)
def test_a_campaign_that_is_meant_to_run_and_does_not_has_stalled(
    scene: Scene, body: dict[str, str], quiet_s: int, codes: list[str]
) -> None:
    scene.truth.write_document("campaign", "c1", body, None)
    scene.later(quiet_s)
    scene.well()
    assert scene.codes() == codes


# -- Truth


def test_a_truth_that_cannot_be_read_explains_everything_and_raises_nothing(scene: Scene) -> None:
    scene.truth = intercept_truth(scene.truth, failing(TruthUnavailableError("locked")))
    diagnosis = scene.diagnose()
    assert [f.code for f in diagnosis.findings] == ["truth_unavailable"]
    assert diagnosis.verdict == "truth"
    assert scene.find("truth_unavailable").value("error") == "locked"


def test_an_unexpected_error_of_a_store_is_a_reading_that_failed_and_not_a_crash(scene: Scene) -> None:
    scene.truth = intercept_truth(scene.truth, failing(ValueError("odd"), "versions"))
    assert scene.codes() == ["truth_unavailable"]
    assert "odd" in str(scene.find("truth_unavailable").value("error"))


def test_what_is_needed_and_unread_is_unknown_and_never_healthy(scene: Scene) -> None:
    scene.truth = intercept_truth(scene.truth, failing(TruthUnavailableError("away"), "documents"))
    diagnosis = scene.diagnose()
    assert (diagnosis.verdict, diagnosis.findings) == ("unknown", ())
    assert not diagnosis.healthy


def test_a_full_disk_is_told_apart_by_its_words(scene: Scene) -> None:
    error = TruthUnavailableError("truth.db: database or disk is full. Free space")
    scene.truth = intercept_truth(scene.truth, failing(error, "heartbeats"))
    assert scene.codes() == ["disk_full"]
    assert scene.diagnose().verdict == "truth"


def test_a_full_disk_is_known_from_what_the_reconciler_could_not_write(scene: Scene) -> None:
    scene.lead(blind=["intent.db: database or disk is full"])
    assert scene.codes() == ["disk_full", "control_plane_blind"]
    assert scene.diagnose().verdict == "truth"


@pytest.mark.parametrize(("more", "codes"), [(0, []), (-1, ["disk_full"])])
def test_a_disk_with_less_room_than_the_headroom_is_full(scene: Scene, more: int, codes: list[str]) -> None:
    args = (scene.workflow, scene.truth, scene.queue, scene.clock, scene.settings)
    readings = take(*args, room_bytes=lambda: scene.settings.disk_headroom_bytes + more)
    assert [finding.code for finding in diagnose(readings, scene.settings).findings] == codes


def test_an_open_stage_whose_downstream_is_final_is_dirty(scene: Scene) -> None:
    settle(scene.truth, key("i0001"), "a", Completed({"a": 1}))
    scene.send()
    settle(scene.truth, key("i0001"), "b", Completed({"b": 1}))
    assert scene.codes() == []

    def reopen(name: str, method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        found = method(*args, **kwargs)
        if name != "truth.get":
            return found
        return [_with_b_final(item) if item is not None else None for item in found]

    def _with_b_final(item: Any) -> Any:
        record = item.stages.get("a")
        if record is None or record.state.final:
            return item
        stale = record._replace(stage="b", state=done.state, facts={"b": "old"})
        return type(item)(item.key, item.address, item.attributes, item.created_ms, {**item.stages, "b": stale})

    (item,) = scene.truth.get([key("i0001")])
    assert item is not None
    done = item.stages["b"]
    scene.truth = intercept_truth(scene.truth, reopen)
    assert scene.codes() == ["dirty_retry"]
    assert scene.find("dirty_retry").value("dirty") == 2
    assert scene.diagnose().verdict == "truth"


def test_results_of_an_older_version_are_a_change_of_policy_with_counts(scene: Scene) -> None:
    settle(scene.truth, key("i0001"), "a", Completed({}))
    scene.send()
    assert scene.codes() == []
    scene.workflow = chain("a", "b", version="v2")
    finding = scene.find("policy_change")
    assert (finding.value("stage"), finding.value("older"), finding.value("declared")) == ("a", 1, "v2")
    assert finding.value("versions") == {"v1": 1}


def test_a_failure_that_a_reset_may_help_is_a_finding_with_its_reason(scene: Scene) -> None:
    settle(scene.truth, key("i0001"), "a", Retry("disk_away"), last_receive=True)
    assert scene.codes() == ["failed_items"]
    finding = scene.find("failed_items")
    assert (finding.value("reasons"), finding.value("resets_left")) == ({"a:disk_away": 1}, 1)


# -- Belief


def test_a_clock_that_differs_is_told_by_the_leader_or_seen_in_the_future(scene: Scene) -> None:
    scene.lead(skew={})
    assert scene.codes() == []
    scene.lead(skew={"w1": -60.0})
    assert scene.codes() == ["clock_skew"]
    assert scene.find("clock_skew").value("seconds") == {"w1": -60.0}
    scene.lead()
    scene.truth.beat(Heartbeat("worker", "w2", scene.clock.now_ms() + 5_001, {"pool": "default", "state": "busy"}))
    assert scene.find("clock_skew").value("seconds") == {"w2": 5.001}
    assert scene.diagnose().verdict == "belief"


# -- what was mended


def lose_and_repair(scene: Scene, count: int) -> None:
    """Lose the intents of the first *count* rows; a sweep finds out and sends them again."""
    lost = scene.open()[:count]
    kept = [scene.envelope(row) for row in scene.open()[count:]]
    scene.queue.purge()
    if count < 3:
        scene.queue.send(kept)
    scene.later(5)
    ages = {row.key: scene.clock.now_ms() - row.since_ms for row in lost}
    scene.truth.commit([Rotate(row.key, row.stage, row.token, row.version, WHO) for row in lost])
    rows = [row for row in scene.open() if row.key in ages]
    for row in rows:
        scene.note("supersede", "truth_without_intent", [row], age_ms=ages[row.key])
    scene.queue.send([scene.envelope(row) for row in rows])
    scene.read_on()
    scene.well()


def test_a_loss_that_was_mended_is_still_told_with_what_it_was(scene: Scene) -> None:
    lose_and_repair(scene, 3)
    assert scene.codes() == ["(truth_without_intent)"]
    assert scene.find("truth_without_intent").value("without_intent") == 3
    assert scene.diagnose().healthy
    assert "repaired" in scene.diagnose().summary
    scene.later(301)
    scene.well()
    assert scene.codes() == []


def test_what_was_sent_by_the_sweep_because_the_stream_had_missed_it_is_told_as_a_gap() -> None:
    scene = Scene()
    scene.add(2)
    scene.read_on()
    scene.later(3)
    for row in scene.open():
        scene.note("supersede", "truth_without_intent", [row], age_ms=3_000)
    scene.send(note=False)
    scene.well()
    assert scene.codes() == ["(stream_gap)"]


def test_what_stands_again_is_not_told_as_mended_too(scene: Scene) -> None:
    lose_and_repair(scene, 3)
    scene.queue.purge()
    scene.later(2)
    scene.well()
    assert scene.codes() == ["truth_without_intent"]


def test_what_a_worker_put_right_is_told_for_some_minutes(scene: Scene) -> None:
    row = scene.open()[0]
    cause = WHO._replace(who="worker:w1", why="misrouted_intent")
    scene.truth.commit([Rotate(row.key, row.stage, row.token, row.version, cause)])
    scene.send([other for other in scene.open() if other.key == row.key])
    assert scene.codes() == ["(misrouted_intent)"]
    assert scene.find("misrouted_intent").value("by") == "worker:w1"
