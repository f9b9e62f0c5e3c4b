"""The control plane: each finding, its absence, and what it explains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from packages.tbie.tests.unit.diagnose.scene import Scene
from tbie.core.errors import IntentUnavailableError
from tbie.core.outcome import Completed
from tbie.diagnose import diagnose, take
from tbie.testing.builders import gallery, key, new_items, settle
from tbie.testing.faults import intercept_intent


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
    scene.truth.write_document("term", "reconciler", {"holder": "engine:r2", "until_ms": 0}, None)
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


def test_a_first_pass_that_takes_long_is_the_sweep_that_others_wait_for(scene: Scene) -> None:
    scene.later(60)
    scene.work()
    scene.queue.purge()
    scene.lead(last_sweep_ms=0, passes=0)
    assert scene.codes() == ["truth_without_intent"]
    scene.lead(last_sweep_ms=0, passes=1)
    assert "sweep_starved" in scene.codes()


def test_a_barrier_that_is_not_lifted_after_its_patience_waits_for_a_sweep() -> None:
    scene = Scene(workflow=gallery())
    scene.add(1)
    for name in ("read", "measure", "look", "judge"):
        settle(scene.truth, key("i0001"), name)
    scene.read_on()
    scene.later(scene.settings.barrier_patience_s + 30)
    scene.well()
    assert scene.codes() == []
    scene.later(1)
    scene.well()
    assert scene.codes() == ["sweep_starved"]


def test_a_death_that_no_sweep_records_waits_for_a_sweep(scene: Scene) -> None:
    for _ in range(3):
        scene.claim(3)
        scene.later(61)
    scene.claim(3)  # once more than they may be: this buries them
    scene.well()
    assert "sweep_starved" not in scene.codes()
    scene.later(31)
    scene.well()
    assert scene.codes() == ["sweep_starved"]
    assert scene.find("sweep_starved").value("dead_and_not_recorded") == [["t1", f"i000{n}", "a"] for n in (1, 2, 3)]


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


@pytest.mark.parametrize(("waits", "codes"), [(None, []), ("version", ["campaign_stalled"])])
def test_a_campaign_that_waits_for_another_is_not_stalled_but_one_that_nobody_can_drive_is(
    scene: Scene, waits: str | None, codes: list[str]
) -> None:
    scene.truth.write_document("campaign", "c2", {"state": "running", "waits": waits}, None)
    scene.later(61)
    scene.truth.write_document("campaign", "c1", {"state": "running"}, None)
    scene.well()
    assert scene.codes() == codes
