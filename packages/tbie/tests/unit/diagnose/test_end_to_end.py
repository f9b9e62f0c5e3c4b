"""The real reconciler and the real worker over stores in memory and in files: break something, ask, repair, ask again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from packages.tbie.tests.unit.diagnose.scene import NotedDown, Scene
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.ids import SequentialIds
from tbie.intent import Claim, Delete
from tbie.reconciler.loop import Reconciler
from tbie.testing.builders import everywhere, handled_by
from tbie.worker import Worker


class Alive:
    """A scene with a real reconciler and a real worker, turned by hand."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.worker = Worker(
            "w1",
            "default",
            scene.workflow,
            handled_by(scene.workflow),
            scene.truth,
            scene.queue,
            scene.clock,
            scene.settings,
        )
        self.reconciler = self.start()

    def start(self) -> Reconciler:
        """A reconciler that has just started."""
        scene = self.scene
        return Reconciler(
            scene.workflow,
            scene.truth,
            scene.queue,
            everywhere,
            scene.clock,
            scene.settings,
            ledger=scene.ledger,
        )

    def turn(self, seconds: float = 1.0) -> None:
        """Time passes, the reconciler makes a pass, the worker says that it lives."""
        self.scene.later(seconds)
        self.reconciler.step()
        self.scene.work()

    def finish(self) -> None:
        """Work until nothing is left."""
        for _ in range(20):
            self.turn(2)
            while self.worker.step().claimed:
                self.reconciler.step()
            self.worker.flush()


@pytest.fixture(params=["memory", "sqlite"])
def alive(request: pytest.FixtureRequest, tmp_path: Path) -> Alive:
    """Three items whose intents were sent."""
    scene = Scene(ledger=NotedDown())
    if request.param == "sqlite":
        scene.truth = SqliteTruth(tmp_path / "truth.db", scene.workflow, scene.clock, SequentialIds())
        scene.queue = SqliteIntent(tmp_path / "intent.db", scene.clock, scene.settings.retention_s)
    alive = Alive(scene)
    scene.add(3)
    alive.turn(2)
    alive.turn(2)
    return alive


def test_a_life_without_faults_is_healthy_at_every_moment(alive: Alive) -> None:
    assert alive.scene.codes() == []
    for _ in range(30):
        alive.turn(1)
        assert alive.scene.codes() == []
        alive.worker.step()
    alive.finish()
    assert alive.scene.diagnose().healthy
    assert alive.scene.truth.tally()
    assert not alive.scene.open()


def purge(scene: Scene) -> None:
    scene.queue.purge()


def destroy(scene: Scene) -> None:
    (message,) = scene.queue.exchange((), [Claim("a", "thief", 1, 60.0, 3)])
    scene.queue.exchange([Delete(message)], ())


def newcomer(scene: Scene) -> None:
    scene.add(2, tenant="newcomer")
    scene.read_on()


@pytest.mark.parametrize(
    ("fault", "code"),
    [(purge, "truth_without_intent"), (destroy, "intent_destroyed_early"), (newcomer, "undiscovered_tenant")],
)
def test_a_fault_is_named_while_it_stands_and_after_it_was_mended(
    alive: Alive, fault: Callable[[Scene], None], code: str
) -> None:
    scene = alive.scene
    alive.reconciler.close()
    fault(scene)
    scene.later(2)
    scene.lead()
    scene.work()
    assert scene.codes() == [code]
    alive.reconciler = alive.start()
    for _ in range(3):
        alive.turn(4)
    assert scene.codes() == [f"({code})"]
    alive.finish()
    assert not scene.open()
    assert scene.codes() == [f"({code})"]
    scene.later(301)
    assert scene.codes() == []


def test_a_dead_reconciler_is_named_and_its_successor_finds_nothing_to_mend(alive: Alive) -> None:
    alive.scene.add(2, tenant="t2")
    alive.scene.later(10)
    alive.scene.work()
    assert alive.scene.codes() == ["control_plane_silent"]
    alive.reconciler = alive.start()
    alive.turn(1)
    alive.turn(1)
    assert alive.scene.codes() == []


def test_intents_that_expired_are_named_after_the_sweep_that_dropped_them(alive: Alive) -> None:
    alive.scene.later(alive.scene.settings.retention_s)
    alive.turn(11)
    alive.turn(1)
    assert alive.scene.codes() == ["(intent_expired)"]
    alive.finish()
    assert not alive.scene.open()
