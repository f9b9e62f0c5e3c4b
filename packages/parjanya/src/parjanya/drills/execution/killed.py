"""A worker is killed: before it has committed its result, and after that but before its message has gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.catalog.items import item_id
from parjanya.catalog.paths import path_to_key
from parjanya.drills import processes
from parjanya.drills.scene import Scene
from parjanya.drills.shape import Budget, Drill
from tbie.core.finding import Boundary

_CLAIMED_AND_OPEN = "SELECT tenant, item, stage, token, owner FROM message WHERE owner IS NOT NULL"
_STATE = (
    "SELECT s.state FROM stage s JOIN item i ON i.id = s.item_id"
    " WHERE i.tenant = ? AND i.item = ? AND s.stage = ? AND s.token = ?"
)


@contextmanager
def kill_before_the_commit(scene: Scene) -> Iterator[None]:
    """``kill -9`` while the worker's slot says which picture it is working on."""
    scene.start_engine()
    scene.ingest(paths=[scene.largest])
    item = item_id(path_to_key(scene.largest))
    while not _killed_in_the_middle(scene, item):
        pass
    scene.injected()
    scene.ingest()
    yield


def _killed_in_the_middle(scene: Scene, item: str) -> bool:
    """Kill the worker that works on *item*, if it still does once it stands."""
    busy: list[str] = []

    def look() -> bool:
        busy[:] = [owner for owner, doing in scene.system.workers().items() if doing.endswith(item)]
        return bool(busy)

    scene.until(look, "a worker works on the large picture", every_s=0.002, look=False)
    pid = processes.workers_of(scene.home).get(busy[0])
    if pid is None:
        return False
    processes.stop(pid, scene.pause)
    if look():  # it stands in the middle of it, so nothing of it is committed
        processes.kill(pid)
        return True
    processes.go_on(pid)
    return False


@contextmanager
def kill_after_the_commit(scene: Scene) -> Iterator[None]:
    """Keep the queue shut, so that the worker commits and cannot settle its messages; then ``kill -9``."""
    scene.start_engine()
    scene.ingest()
    scene.a_worker()
    while not _killed_in_between(scene):
        pass
    scene.injected()
    yield


def _killed_in_between(scene: Scene) -> bool:
    scene.until(lambda: bool(scene.intent_sql(_CLAIMED_AND_OPEN)), "a worker takes messages", every_s=0.002, look=False)
    with scene.locked("intent.db"):
        claimed = scene.intent_sql(_CLAIMED_AND_OPEN)
        if not any(_state(scene, row) == "pending" for row in claimed):
            return False  # it was faster than we are: what it holds is committed, and it was about to settle it
        scene.until(
            lambda: all(_state(scene, row) != "pending" for row in claimed),
            "the worker commits",
            every_s=0.002,
            look=False,
        )
        processes.kill(processes.workers_of(scene.home)[claimed[0][4]])
        scene.measures["committed_but_not_settled"] = len(claimed)
        return True


def _state(scene: Scene, row: tuple[object, ...]) -> str:
    rows = scene.truth_sql(_STATE, row[:4])
    return str(rows[0][0]) if rows else "superseded"


_BUDGET = Budget("2 heartbeats", lambda s: 2 * s.heartbeat_interval_s)

WORKER_KILLED_BEFORE_COMMIT = Drill(
    "worker_killed_before_commit",
    "",
    "A worker is killed in the middle of a picture.",
    "worker_died",
    Boundary.EXECUTION,
    kill_before_the_commit,
    _BUDGET,
)

WORKER_KILLED_AFTER_COMMIT = Drill(
    "worker_killed_after_commit",
    "",
    "A worker is killed when its results are committed and their messages are still there.",
    "worker_died",
    Boundary.EXECUTION,
    kill_after_the_commit,
    _BUDGET,
)
