"""Processes whose clocks differ: what one calls the future, the other calls now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.environments import with_a_clock_ahead
from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, cycles
from tbie.core.finding import Boundary

AHEAD_S = 4.0
TOLERANCE_S = 1.0


@contextmanager
def a_worker_from_the_future(scene: Scene) -> Iterator[None]:
    """A worker whose clock is ahead takes part in the work, then leaves."""
    scene.start_engine()
    environment = with_a_clock_ahead(scene.root / "image", AHEAD_S)
    command = ("-m", "parjanya.cli.main", "worker", "--home", str(scene.home))
    worker = scene.start(*command, environment=environment)
    name = f"images-cli-{worker.pid}"
    scene.until(lambda: name in scene.system.workers(), "the worker registers", every_s=0.01, look=False)
    scene.injected()
    scene.ingest()
    yield
    scene.until(scene.settled, "all work settled")
    took = scene.truth_sql("SELECT count(*) FROM history WHERE who = ?", (f"worker:{name}",))[0][0]
    scene.measures["results_of_the_worker_with_the_wrong_clock"] = took
    worker.end(10.0)


CLOCK_SKEW = Drill(
    "clock_skew",
    "",
    f"A worker takes part whose clock is {AHEAD_S:g} s ahead ({TOLERANCE_S:g} s are tolerated here).",
    "clock_skew",
    Boundary.BELIEF,
    a_worker_from_the_future,
    cycles(2),
    settings={"clock_tolerance_s": TOLERANCE_S},
)
