"""A queue that delivers twice and out of order, as real queues may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.scene import Scene
from parjanya.drills.shape import Budget, Drill
from tbie.core.finding import Boundary

HOLDS_S = 2.0
"""A worker takes four pictures at a time and commits what it has each second."""

_HELD = "SELECT tenant, item, stage, token FROM message WHERE owner = ?"
_DONE = (
    "SELECT count(*) FROM stage s JOIN item i ON i.id = s.item_id"
    " WHERE i.tenant = ? AND i.item = ? AND s.stage = ? AND s.token = ? AND s.state <> 'pending'"
)


@contextmanager
def deliver_twice(scene: Scene) -> Iterator[None]:
    """Show what a slow worker holds to another one, last first; when that one has answered, let the first go on."""
    scene.start_engine()
    scene.ingest()
    while not _answered_by_another(scene):
        pass
    yield


def _answered_by_another(scene: Scene) -> bool:
    """Have another worker answer what one holds; False if that one was faster, and nothing was left to deliver twice."""
    owner, pid = _one_that_holds(scene)
    with scene.held(pid):
        held = [row for row in scene.intent_sql(_HELD, (owner,)) if not _done(scene, row)]
        if not held:
            return False
        scene.intent_sql("UPDATE message SET visible_ms = 0, rank = -id WHERE owner = ?", (owner,))
        scene.measures["delivered_twice"] = len(held)
        scene.until(lambda: all(_done(scene, row) for row in held), "another worker answers", look=False)
        scene.injected()
    return True


def _one_that_holds(scene: Scene) -> tuple[str, int]:
    """A worker that has taken messages, and its process id."""
    found: list[tuple[str, int]] = []

    def look() -> bool:
        workers = scene.workers()
        owners = scene.intent_sql("SELECT DISTINCT owner FROM message WHERE owner IS NOT NULL")
        found[:] = [(owner, workers[owner]) for (owner,) in owners if owner in workers]
        return bool(found)

    scene.until(lambda: _has_queue(scene) and look(), "a worker takes messages", every_s=0.002, look=False)
    return found[0]


def _has_queue(scene: Scene) -> bool:
    return (scene.home / "intent.db").exists()


def _done(scene: Scene, row: tuple[object, ...]) -> bool:
    return bool(scene.truth_sql(_DONE, row)[0][0])


DUPLICATE_DELIVERY = Drill(
    "duplicate_delivery",
    "",
    "What a slow worker holds is delivered to another one as well, last first; then the slow one answers too.",
    "duplicate_delivery",
    Boundary.INTENT,
    deliver_twice,
    Budget("what it holds, and 2 heartbeats", lambda s: HOLDS_S + 2 * s.heartbeat_interval_s),
    workers=2,
)
