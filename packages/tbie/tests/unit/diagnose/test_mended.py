"""What was mended a moment ago is still told, with what it was, and does not make the verdict."""

from __future__ import annotations

import pytest

from packages.tbie.tests.unit.diagnose.scene import Scene
from tbie.testing.builders import WHO
from tbie.truth import Rotate


@pytest.fixture
def scene() -> Scene:
    """Three items of one tenant, their intents sent, everybody alive."""
    scene = Scene()
    scene.add(3)
    scene.send()
    scene.later(5)
    scene.well()
    return scene


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


def test_what_a_sweep_sent_before_the_stream_could_was_not_missing() -> None:
    scene = Scene()
    scene.add(2)
    scene.read_on()
    for row in scene.open():
        scene.note("supersede", "truth_without_intent", [row], age_ms=10)
    scene.send(note=False)
    scene.well()
    assert scene.codes() == []
