"""Two reconcilers on one home, each of which believes that it leads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, cycles
from tbie.core.finding import Boundary


@contextmanager
def a_second_reconciler(scene: Scene) -> Iterator[None]:
    """Start a reconciler that asks nobody whether one leads already; end it when it was noticed."""
    scene.start_engine()
    second = scene.start("-m", "parjanya.drills.hands.reconciler", str(scene.home))
    beats = "SELECT count(DISTINCT instance) FROM heartbeat WHERE component = 'reconciler'"
    scene.until(lambda: scene.truth_sql(beats)[0][0] >= 2, "the second reconciler works", every_s=0.01, look=False)
    scene.injected()
    scene.ingest()
    yield
    scene.until(scene.settled, "all work settled under two reconcilers")
    second.end(5.0)


TWO_RECONCILERS = Drill(
    "two_reconcilers",
    "",
    "A second reconciler runs beside the engine and does not ask who leads.",
    "two_reconcilers",
    Boundary.CONTROL_PLANE,
    a_second_reconciler,
    cycles(2),
)
