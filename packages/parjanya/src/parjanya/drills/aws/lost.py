"""Messages that vanish from SQS, which cannot be asked for one: found by comparing its counts with the register."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.aws.scene import AwsScene, by_conservation
from parjanya.drills.intent.destroyed import visibility
from parjanya.drills.shape import Drill
from tbie.core.finding import Boundary

TAKEN = 3


@contextmanager
def take_and_delete(scene: AwsScene) -> Iterator[None]:
    """A program of an older release takes messages, meets an error, and deletes them; Truth and the register hear nothing."""
    with scene.backlog():
        taken = scene.receive(TAKEN)
        scene.require(len(taken) == TAKEN, f"the older program found {len(taken)} messages to take")
        scene.delete(taken)
        scene.injected()
        scene.measures["messages_deleted"] = len(taken)
        yield


@contextmanager
def purge(scene: AwsScene) -> Iterator[None]:
    """Somebody purges the queue in the console."""
    with scene.backlog() as before:
        scene.clients.sqs.purge_queue(QueueUrl=scene.url())
        scene.injected()
        scene.require(scene.counts() == (0, 0, 0), "the queue is not empty after it was purged")
        yield
        scene.measure("emitted_again_s", lambda: scene.waiting() >= before, "the queue has its messages again")


INTENT_DESTROYED_EARLY = Drill(
    "intent_destroyed_early",
    "1",
    "A program of an older release receives messages, fails, and deletes them without an outcome.",
    "intent_destroyed_early",
    Boundary.INTENT,
    take_and_delete,
    by_conservation(),
    guardrail=visibility,
)

TRUTH_WITHOUT_INTENT = Drill(
    "truth_without_intent",
    "2",
    "The queue is purged, the register is left as it was: rows are pending, nothing is in flight.",
    "truth_without_intent",
    Boundary.INTENT,
    purge,
    by_conservation(),
)
