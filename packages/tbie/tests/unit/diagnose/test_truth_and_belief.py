"""Truth and Belief: each finding, and its absence. What cannot be read is never healthy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from packages.tbie.tests.unit.diagnose.scene import Scene
from tbie.core.errors import IntentUnavailableError, TruthUnavailableError
from tbie.core.outcome import Completed, Retry
from tbie.diagnose import diagnose, take
from tbie.testing.builders import chain, key, settle, settlement
from tbie.testing.faults import intercept_intent, intercept_truth
from tbie.truth import Heartbeat


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
    assert (finding.value("stage"), finding.value("older"), finding.value("declared")) == ("a", 1, {"t1": "v2"})
    assert finding.value("versions") == {"v1": 1}


def test_a_change_of_policy_names_only_the_tenants_whose_results_are_older(scene: Scene) -> None:
    scene.add(2, "t2")
    scene.send()
    for tenant in ("t1", "t2"):
        settle(scene.truth, key("i0001", tenant), "a", Completed({}))
    scene.workflow.declare("a", {"t2": "mild"})
    scene.send()
    assert scene.codes() == ["policy_change"]
    finding = scene.find("policy_change")
    assert (finding.value("older"), finding.value("tenants"), finding.value("of")) == (1, 1, {"t2": 1})
    assert (finding.value("versions"), finding.value("declared")) == ({"v1": 1}, {"t2": "mild"})
    scene.truth.commit([settlement(scene.truth, key("i0002", "t2"), "a")._replace(version="mild")])
    assert scene.find("policy_change").value("older") == 1


def test_a_change_for_many_tenants_names_those_with_the_most_results(scene: Scene) -> None:
    for number in range(9):
        scene.add(number + 1, f"many{number}")
    for row in scene.open():
        settle(scene.truth, row.key, "a", Completed({}))
    scene.send()
    scene.workflow.declare("a", {}, default="new")
    finding = scene.find("policy_change")
    assert (finding.value("older"), finding.value("tenants")) == (48, 10)
    assert finding.value("of") == {f"many{n}": n + 1 for n in (8, 7, 6, 5, 4)}


def test_a_failure_that_a_reset_may_help_is_a_finding_with_its_reason(scene: Scene) -> None:
    settle(scene.truth, key("i0001"), "a", Retry("disk_away"), last_receive=True)
    assert scene.codes() == ["failed_items"]
    finding = scene.find("failed_items")
    assert (finding.value("reasons"), finding.value("resets_left")) == ({"a:disk_away": 1}, 1)


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


@pytest.mark.parametrize(("waits_s", "asked"), [(2, 1), (0, 5)])
def test_a_queue_that_lets_its_readers_wait_for_nothing_is_asked_once(scene: Scene, waits_s: int, asked: int) -> None:
    calls = []

    def locked(name: str, method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        calls.append((name, method, args, kwargs))
        scene.later(waits_s)
        raise IntentUnavailableError("locked")

    scene.queue = intercept_intent(scene.queue, locked)
    assert "queue_unreadable" in scene.codes()
    assert len(calls) == asked  # two depths, what stands for one stage, two kinds of dead letters
