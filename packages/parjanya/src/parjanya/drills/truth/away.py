"""The durable record is not there for a while: a disk that was unmounted, a file that somebody moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, cycles
from tbie.core.finding import Boundary

AWAY_S = 1.0


@contextmanager
def move_it_away_and_back(scene: Scene) -> Iterator[None]:
    """Rename truth.db in the middle of the work, and back after a second."""
    scene.start_engine()
    scene.ingest()
    scene.a_worker()
    truth, elsewhere = scene.home / "truth.db", scene.root / "truth.db.elsewhere"
    with scene.locked("truth.db"):
        truth.rename(elsewhere)
    try:
        scene.injected()
        yield
        scene.pause(AWAY_S)
        scene.require(not truth.exists(), "somebody began an empty Truth in the place of the one that was away")
    finally:
        elsewhere.rename(truth)


TRUTH_UNAVAILABLE = Drill(
    "truth_unavailable",
    "",
    f"truth.db is moved away in the middle of the work, and back {AWAY_S:g} s after that was noticed.",
    "truth_unavailable",
    Boundary.TRUTH,
    move_it_away_and_back,
    cycles(2),
)
