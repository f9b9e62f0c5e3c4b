"""Stores in memory for functions, events as AWS sends them, and what was told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from parjanya.imaging.refusal import ImageRefused
from parjanya.profiles.function_stores import Stores
from tbie.backends.memory.belief import belief
from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.ledger import MemoryLedger
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.keys import Address
from tbie.core.settings import Settings
from tbie.reconciler.fleet import PoolLimits
from tbie.testing.builders import RETENTION_S, Asked, everywhere
from tbie.truth import OpenStage
from tbie.workflow import RetryPolicy, Stage, Workflow

BUCKET = "studio-images"
DIGEST = "ab" * 32

WORKFLOW = Workflow(
    "images",
    (
        Stage("technical", "t1", "images", owns=("format",), retry=RetryPolicy(2)),
        Stage("preview", "p1", "images", needs=("technical",), owns=("thumb",)),
    ),
)


class Context:
    """As Lambda hands it over."""

    def __init__(self, left_s: float = 60.0) -> None:
        self._left_ms = int(left_s * 1000)

    def get_remaining_time_in_millis(self) -> int:
        return self._left_ms


class Told(Stores):
    """Stores whose lines are kept in a list."""

    lines: list[dict[str, Any]]

    def passes(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == "pass"]


def stores(clock: ManualClock | None = None, settings: Settings | None = None, workflow: Workflow = WORKFLOW) -> Told:
    clock = clock or ManualClock()
    truth, intent = MemoryTruth(workflow, clock, SequentialIds()), MemoryIntent(clock, RETENTION_S)
    fleet = Asked(clock)
    made = Told(
        "studio",
        BUCKET,
        "reconcile:1",
        workflow,
        truth,
        intent,
        MemoryLedger(1_000),
        clock,
        settings or Settings(),
        everywhere,
        belief(workflow, intent, fleet),
        fleet,
        {"images": PoolLimits(4, 10)},
    )
    lines: list[dict[str, Any]] = []
    made.lines, made.write = lines, lambda text: lines.append(json.loads(text))
    return made


# -- events


def image(row: OpenStage) -> dict[str, Any]:
    """The row of the table ``open``, as the stream shows it."""
    more = [row.stage, row.version, row.generation, row.token, row.since_ms, row.not_before_ms, row.attempts]
    held = [*row.key, *more, *row.address, row.reason]
    return {
        "pk": {"S": f"open#1#{row.stage}"},
        "sk": {"S": f"{row.since_ms:020d}#00"},
        "kind": {"S": "open"},
        "stage": {"S": row.stage},
        "row": {"S": json.dumps(held)},
    }


def record(new: Mapping[str, Any] | None, sequence: int, name: str = "INSERT") -> dict[str, Any]:
    """A record of the stream."""
    change = {"ApproximateCreationDateTime": 1_700_000_000.0, "SequenceNumber": f"{sequence:021d}", "SizeBytes": 100}
    if new is not None:
        change["NewImage"] = dict(new)
    change["StreamViewType"] = "NEW_IMAGE"
    arn = "arn:aws:dynamodb:eu-central-1:000000000000:table/studio-open/stream/2026-11-26T00:00:00.000"
    return {
        "eventID": f"{sequence}",
        "eventName": name,
        "eventSource": "aws:dynamodb",
        "dynamodb": change,
        "eventSourceARN": arn,
    }


def stream(rows: Iterable[OpenStage]) -> dict[str, Any]:
    """An event with one record for each row."""
    return {"Records": [record(image(row), number) for number, row in enumerate(rows, 1)]}


def opened(of: Stores) -> list[OpenStage]:
    """Everything that is open now."""
    return of.truth.opened_since(0, 10_000)[0]


def notification(
    key: str, size: int = 1_000, bucket: str = BUCKET, time: str = "2026-11-26T05:00:00.123Z"
) -> dict[str, Any]:
    """S3's own notification; *key* as it stands in the event."""
    where = {
        "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
        "object": {"key": key, "size": size, "eTag": "e", "sequencer": "0A"},
    }
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": time,
        "s3": where,
    }


def bridged(key: str, size: int = 1_000, bucket: str = BUCKET, time: str = "2026-11-26T05:00:00Z") -> dict[str, Any]:
    """EventBridge's event."""
    detail = {"bucket": {"name": bucket}, "object": {"key": key, "size": size, "etag": "e", "sequencer": "0A"}}
    return {"version": "0", "source": "aws.s3", "detail-type": "Object Created", "time": time, "detail": detail}


def queued(*bodies: object, receives: int = 1) -> dict[str, Any]:
    """Messages of a queue, named m1, m2, …"""
    return {
        "Records": [
            {
                "eventSource": "aws:sqs",
                "messageId": f"m{number}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": str(receives)},
            }
            for number, body in enumerate(bodies, 1)
        ]
    }


TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET, "RequestId": "r"}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
"""Anything."""


def spoiled(value: Any, draw: Callable[[Any], Any]) -> Any:
    """*value* with one place in it, drawn, replaced by anything, or taken out."""
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        name = draw(st.sampled_from(sorted(value)))
        if draw(st.booleans()):
            return {**value, name: spoiled(value[name], draw)}
        return {key: each for key, each in value.items() if key != name}
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        place = draw(st.integers(0, len(value) - 1))
        return [spoiled(each, draw) if index == place else each for index, each in enumerate(value)]
    if isinstance(value, str) and draw(st.booleans()):
        return value[: draw(st.integers(0, len(value)))] + draw(st.text(max_size=3))
    return draw(JSON)


class Folder:
    """Sources of bytes: the file of a digest in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.read: list[str] = []

    @contextmanager
    def at(self, address: Address, most_bytes: int) -> Iterator[Path]:
        self.read.append(address.key)
        path = self.folder / address.key.split("/")[1]
        if not path.exists():
            raise ImageRefused("source_missing", "nothing is there", retriable=True)
        assert path.stat().st_size <= most_bytes
        yield path
