"""One picture takes every worker with it that touches it (incident 11)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.catalog.items import item_id
from parjanya.catalog.paths import path_to_key
from parjanya.drills import processes
from parjanya.drills.scene import Scene
from parjanya.drills.shape import Budget, Drill
from tbie.core.finding import Boundary

_LOOK_EVERY_S = 0.002


@contextmanager
def kill_whoever_works_on_it(scene: Scene) -> Iterator[None]:
    """Watch the slots of the workers, and kill each one that has the largest picture in hand."""
    scene.start_engine()
    enough = threading.Event()
    watcher = threading.Thread(target=_watch, args=(scene, enough), name="poison")
    watcher.start()
    try:
        scene.ingest()
        scene.until(lambda: bool(scene.measures.get("workers_killed")), "the picture kills a worker", every_s=0.01)
        scene.injected()
        yield
        scene.until(lambda: _failed(scene) == 1, "the picture is quarantined")
    finally:
        enough.set()
        watcher.join()
    evidence = str(scene.truth_sql("SELECT evidence FROM stage WHERE state = 'failed'")[0][0])
    scene.require("SIGKILL" in evidence, f"the evidence does not say what happened: {evidence}")


def _watch(scene: Scene, enough: threading.Event) -> None:
    item, killed = item_id(path_to_key(scene.largest)), set()
    system = scene.system
    while not enough.wait(_LOOK_EVERY_S):
        for owner, doing in system.workers().items():
            if doing.endswith(item) and owner not in killed:
                pid = processes.workers_of(scene.home).get(owner)
                if pid is not None:
                    processes.kill(pid)
                    killed.add(owner)
                    scene.measures["workers_killed"] = len(killed)


def _failed(scene: Scene) -> int:
    return int(scene.truth_sql("SELECT count(*) FROM stage WHERE state = 'failed'")[0][0])


POISON_ITEM = Drill(
    "poison_item",
    "11",
    "Whoever works on one picture is killed, as a decoder that crashes would do it.",
    "poison_item",
    Boundary.EXECUTION,
    kill_whoever_works_on_it,
    # its receives have to be used up, and each costs the start of a worker
    Budget("the receives of its stage", lambda s: 2 * s.boot_register_budget_s),
    fails="worker_died",
    stands=True,
)
