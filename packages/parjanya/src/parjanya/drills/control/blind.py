"""A control plane that runs and cannot read what it needs: for twelve hours, when it happened (incident 8)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, cycles
from tbie.core.finding import Boundary


@contextmanager
def lock_the_queue(scene: Scene) -> Iterator[None]:
    """Another program holds the queue's file for itself: no depth, no presence, no message can be read."""
    with scene.backlog() as (_, pid):
        path = scene.home / "intent.db"
        with closing(sqlite3.connect(path, timeout=10.0, isolation_level=None)) as other:
            with scene.locked("intent.db"):
                other.execute("BEGIN EXCLUSIVE")
            scene.injected()
            before = _beat(scene)
            yield
            scene.until(lambda: _beat(scene)[0] > before[0], "the reconciler goes on saying that it lives")
            body = json.loads(_beat(scene)[1])
            scene.require(body["desired"].get("images", 1) >= 1, f"it scaled in while it was blind: {body['desired']}")
            scene.require(bool(scene.workers()), f"the worker {pid} was let go while the control plane was blind")
            scene.measures["unreadable"] = len(body["blind"])
            other.execute("ROLLBACK")


def _beat(scene: Scene) -> tuple[int, str]:
    (row,) = scene.truth_sql(
        "SELECT at_ms, body FROM heartbeat WHERE component = 'reconciler' ORDER BY at_ms DESC LIMIT 1"
    )
    return int(row[0]), str(row[1])


CONTROL_PLANE_BLIND = Drill(
    "control_plane_blind",
    "8",
    "Another program locks the queue's file: the reconciler runs and cannot read what it needs.",
    "control_plane_blind",
    Boundary.CONTROL_PLANE,
    lock_the_queue,
    cycles(2),
    settings={"heartbeat_interval_s": 2.0},  # a reader waits 2 s for a lock before it says that it cannot read
)
