"""Instances that run and never become workers: an image tag that does not exist (incident 6a)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.environments import that_waits
from parjanya.drills.scene import Scene
from parjanya.drills.shape import Budget, Drill
from tbie.core.finding import Boundary


@contextmanager
def start_and_never_register(scene: Scene) -> Iterator[None]:
    """Give workers a Python environment in which they stand still before their first line."""
    marker = scene.root / "stale"
    marker.touch()
    image = that_waits(scene.root / "image", "parjanya.profiles.worker_process", marker)
    try:
        scene.start_engine(environment=image)
        scene.ingest()
        asked = "SELECT count(*) FROM heartbeat WHERE component = 'reconciler' AND body->'desired'->>'images' > 0"
        scene.until(lambda: scene.truth_sql(asked) == [(1,)], "the reconciler asks for a worker", look=False)
        scene.injected()
        yield
    finally:
        marker.unlink(missing_ok=True)  # the tag is corrected


STALE_IMAGE_TAG = Drill(
    "stale_image_tag",
    "6a",
    "Workers start in an environment in which they never register; nothing is logged.",
    "bootstrap_silence",
    Boundary.EXECUTION,
    start_and_never_register,
    Budget("boot budget and one heartbeat", lambda s: s.boot_register_budget_s + s.heartbeat_interval_s),
    settings={"boot_start_budget_s": 1.0, "boot_register_budget_s": 2.0},
)
