"""The reconciler is killed: no new work is emitted, however green everything else looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, cycles
from tbie.core.finding import Boundary


@contextmanager
def kill_the_engine(scene: Scene) -> Iterator[None]:
    """``kill -9`` with work in hand; the machine's supervisor starts it again once somebody has noticed."""
    engine = scene.start_engine()
    scene.ingest()
    scene.a_worker()
    engine.kill()
    scene.injected()
    yield
    scene.start_engine()


RECONCILER_KILLED = Drill(
    "reconciler_killed",
    "",
    "The engine is killed in the middle of its work; its supervisor starts it again.",
    "control_plane_silent",
    Boundary.CONTROL_PLANE,
    kill_the_engine,
    cycles(2),
)
