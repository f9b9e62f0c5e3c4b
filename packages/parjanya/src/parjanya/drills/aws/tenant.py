"""Work of a new tenant that the change stream never showed (incident 9a)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.aws.scene import AwsScene
from parjanya.drills.control.stream import NEWCOMER
from parjanya.drills.shape import Drill, one_sweep
from tbie.core.finding import Boundary


@contextmanager
def while_the_stream_is_off(scene: AwsScene) -> Iterator[None]:
    """Switch the table's stream off, let a new tenant add its pictures, and switch the stream on again: it begins after them."""
    scene.start_engine()
    scene.ingest(paths=scene.shoot[:1])
    scene.until(scene.settled, "the first picture is judged", look=False)
    table = scene.clients.place.table("open")
    swept = scene.beat().get("last_sweep_ms")
    # a sweep that comes while they are being added takes the stream for late, rightly, and sends them without a word
    scene.until(lambda: scene.beat().get("last_sweep_ms") != swept, "a sweep has just been", every_s=0.1, look=False)
    scene.clients.dynamodb.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    scene.ingest(NEWCOMER)
    on = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    scene.clients.dynamodb.update_table(TableName=table, StreamSpecification=on)
    scene.injected()
    yield
    scene.ingest()


UNDISCOVERED_TENANT = Drill(
    "undiscovered_tenant",
    "9a",
    "The stream of the table is switched off while a new tenant adds its pictures, then on again.",
    "undiscovered_tenant",
    Boundary.CONTROL_PLANE,
    while_the_stream_is_off,
    one_sweep(),
    settings={"sweep_interval_s": 8.0, "heartbeat_interval_s": 0.5},
)
