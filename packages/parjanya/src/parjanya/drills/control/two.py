"""Two reconcilers on one home: the leader hangs for longer than its term, another takes over, the first wakes up (feared)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills import processes
from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, one_sweep
from tbie.core.finding import Boundary

LEASE_S = 2.0

_STANDBY = "SELECT count(*) FROM heartbeat WHERE component = 'reconciler' AND body->>'role' = 'standby'"
_TERM = "SELECT body FROM document WHERE kind = 'term' AND name = 'reconciler'"


@contextmanager
def a_leader_that_was_away(scene: Scene) -> Iterator[None]:
    """Keep the leader in the middle of a pass until another leads; then let it finish what it had begun."""
    with scene.backlog():
        first = _holder(scene)
        second = scene.start("-m", "parjanya.drills.hands.reconciler", str(scene.home))
        scene.until(lambda: scene.truth_sql(_STANDBY) == [(1,)], "the second reconciler stands by", look=False)
        with scene.locked("intent.db"):
            # with these gone the leader has something to commit as soon as it can go on: under a term that has passed
            scene.intent_sql("DELETE FROM message WHERE owner IS NULL", locked=True)
            scene.until(lambda: _holder(scene) != first, "the second reconciler takes over", look=False)
            with scene.locked("truth.db"):
                processes.stop(
                    second.pid, scene.pause
                )  # it is slow: the first wakes up before it has repaired anything
        scene.injected()
        yield
        processes.go_on(second.pid)
    worker = scene.command("worker")  # of the second one, as it were: the first lets its own workers go
    scene.until(scene.settled, "all work settled under the second reconciler")
    worker.end(5.0)
    second.end(5.0)
    scene.until(lambda: _holder(scene) == first, "the engine leads again when the second has left")


def _holder(scene: Scene) -> str | None:
    rows = scene.truth_sql(_TERM)
    return str(json.loads(rows[0][0])["holder"]) if rows else None


TWO_RECONCILERS = Drill(
    "two_reconcilers",
    "",
    "The leader hangs in the middle of a pass; another one takes over; then the first goes on.",
    "two_reconcilers",
    Boundary.CONTROL_PLANE,
    a_leader_that_was_away,
    one_sweep(),
    settings={"leader_lease_s": LEASE_S},
)
