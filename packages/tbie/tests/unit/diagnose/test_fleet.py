"""A fleet that is refused workers, and one that is not set up as declared: told apart from workers that do not boot."""

from __future__ import annotations

from typing import Any

import pytest

from packages.tbie.tests.unit.diagnose.scene import Scene
from tbie.belief import Beliefs
from tbie.core.reading import FleetView, Known, Refused
from tbie.diagnose.probes.execution import fleets
from tbie.reconciler.heartbeat import fleet_body
from tbie.truth import Heartbeat


@pytest.fixture
def scene() -> Scene:
    """Three items whose intents were sent a moment ago, a reconciler, and nobody to work."""
    scene = Scene()
    scene.add(3)
    scene.send()
    scene.lead()
    return scene


def refused(scene: Scene, reason: str = "capacity") -> dict[str, Any]:
    return Refused(reason, "We currently do not have sufficient capacity", scene.clock.now_ms(), 3)._asdict()


def fleet(**more: object) -> dict[str, dict[str, object]]:
    return {"default": {"desired": 2, "running": 0, "busy": 0, "boots": [], **more}}


def test_workers_that_are_refused_are_no_silence_and_execution_cannot_realise(scene: Scene) -> None:
    body = refused(scene)
    boots = [["default-next-1", "requested", scene.clock.now_ms()]]
    scene.later(120)
    scene.lead(fleet=fleet(refused=body, boots=boots, last_boot_error=body["words"]))
    assert scene.codes() == ["fleet_cannot_grow"]
    finding = scene.find("fleet_cannot_grow")
    assert (finding.value("reason"), finding.value("refused"), finding.value("waited_s")) == ("capacity", 3, 120.0)
    assert (finding.value("desired"), finding.value("running")) == (2, 0)
    diagnosis = scene.diagnose()
    assert diagnosis.verdict == "execution"
    assert "Execution cannot realise it" in diagnosis.summary


def test_a_machine_that_runs_without_a_voice_is_silent_although_others_are_refused(scene: Scene) -> None:
    since = scene.clock.now_ms()
    boots = [["default-i-1", "started", since], ["default-next-1", "requested", since]]
    body = refused(scene)
    scene.later(120)
    scene.lead(fleet=fleet(running=1, refused=body, boots=boots))
    assert scene.codes() == ["fleet_cannot_grow", "bootstrap_silence"]
    assert scene.find("bootstrap_silence").value("worker") == "default-i-1"
    assert scene.find("bootstrap_silence").value("workers_over_budget") == 1


def test_a_refusal_that_leaves_enough_workers_is_no_finding(scene: Scene) -> None:
    scene.lead(fleet=fleet(running=2, refused=refused(scene)))
    scene.work(state="idle")
    assert scene.codes() == []


def test_a_fleet_that_has_drifted_is_told_and_holds_up_nothing(scene: Scene) -> None:
    scene.lead(fleet=fleet(running=2, drift=["there is no warm pool"]))
    assert scene.codes() == ["fleet_drift"]
    assert scene.find("fleet_drift").value("differences") == ["there is no warm pool"]


def test_a_worker_that_waits_in_a_warm_pool_is_not_late_for_work(scene: Scene) -> None:
    scene.later(31)
    scene.lead()
    scene.work("default-i-1", state="warm", done=0, claimed=0, started_ms=scene.clock.now_ms() - 2_000_000)
    assert "bootstrap_silence" not in scene.codes()


def test_what_a_reconciler_says_of_a_fleet_is_read_as_it_was_said() -> None:
    view = FleetView(3, 1, 1, refused=Refused("quota", "no more", 5, 2), drift=("a", "b"))
    body = fleet_body(Beliefs({}, {"p": Known(view, "auto scaling", 9)}), ())
    told = fleets(None, Heartbeat("reconciler", "r", 9, {"fleet": body}), Scene().clock)
    assert isinstance(reading := told["p"], Known)
    assert reading.value == view


@pytest.mark.parametrize(
    "garbage", [{"reason": "quota"}, {"reason": "quota", "words": "", "since_ms": "x", "times": 1}]
)
def test_a_refusal_that_is_none_makes_the_fleet_unknown(garbage: dict[str, object]) -> None:
    body = {"p": {"desired": 1, "running": 0, "busy": 0, "refused": garbage}}
    told = fleets(None, Heartbeat("reconciler", "r", 9, {"fleet": body}), Scene().clock)
    assert "not a fleet" in getattr(told["p"], "error", "")
