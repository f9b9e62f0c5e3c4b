"""Lost intents: rows are pending, the queue is empty or gone, and the system looks idle (incident 2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.scene import LOOK_EVERY_S, Scene
from parjanya.drills.shape import Drill, one_sweep
from tbie.core.finding import Boundary

STREAM_S = 1.0
"""The promise about the fast path: work that was just added is in the queue after this."""


@contextmanager
def delete_messages(scene: Scene) -> Iterator[None]:
    """Delete every message, also those that the worker holds, which stands still."""
    with scene.backlog() as (owner, _):
        before = _waiting(scene)
        scene.intent_sql("DELETE FROM message")
        scene.injected()
        yield
        after = scene.measure("emitted_again_s", lambda: _waiting(scene) >= before, f"{owner} has its queue back")
        scene.promise("emitted again by the sweep", after, one_sweep().seconds(scene.settings) + LOOK_EVERY_S)
    fast = float(str(scene.measures["emitted_by_the_stream_s"]))
    scene.promise("emitted by the stream after it was added", fast, STREAM_S)


@contextmanager
def delete_the_queue(scene: Scene) -> Iterator[None]:
    """Delete the file of the queue with everything in it, also what a worker holds."""
    with scene.backlog():
        (scene.home / "intent.db").unlink()
        scene.injected()
        yield
        scene.measure("emitted_again_s", lambda: _waiting(scene) > 0, "the queue has messages again")


def _waiting(scene: Scene) -> int:
    tables = scene.intent_sql("SELECT count(*) FROM sqlite_master WHERE name = 'message'")
    return int(scene.intent_sql("SELECT count(*) FROM message WHERE owner IS NULL")[0][0]) if tables != [(0,)] else 0


TRUTH_WITHOUT_INTENT = Drill(
    "truth_without_intent",
    "2",
    "Messages of pending rows are deleted; the queue is empty and the system looks idle.",
    "truth_without_intent",
    Boundary.INTENT,
    delete_messages,
    one_sweep(),
)

QUEUE_PURGED = Drill(
    "queue_purged",
    "",
    "The file of the queue is deleted while the engine runs, with what is in flight.",
    "truth_without_intent",
    Boundary.INTENT,
    delete_the_queue,
    one_sweep(),
)
