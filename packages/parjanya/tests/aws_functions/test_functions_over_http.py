"""The real packages in a server that runs them, under roles with the least they need, called by streams, news and queues."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from parjanya.catalog.uploads import Upload
from tbie.backends.aws.ledger import DynamoLedger
from tbie.core.keys import ItemKey
from tbie.diagnose import diagnose, take
from tbie.diagnose.heartbeats import control_plane
from tbie.refused import REFUSED
from tbie.testing.builders import WHO
from tbie.testing.on_demand import on_demand
from tbie.truth import Heartbeat, NewItem, StageState

sys.path.insert(0, str(Path(__file__).parents[1]))
from functions_local import Deployment, until

Deploy = Callable[[], Deployment]

pytestmark = pytest.mark.timeout(240)
"""A cold start unpacks and compiles a package; on a machine that does other things too, that takes its time."""


def uploads(count: int, since: int = 0) -> list[NewItem]:
    names = [f"a{number}.jpg" for number in range(since, since + count)]
    return [Upload("t", hashlib.sha256(name.encode()).hexdigest(), name).new_item(10, 1) for name in names]


def jpeg(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, "JPEG")
    return out.getvalue()


# -- reconcile, called by the stream


def test_a_poison_record_is_passed_over_and_the_stream_goes_on(deploy: Deploy) -> None:
    of = deploy()
    of.function("reconcile", of.statements("reconcile"))
    of.functions.on_changes("reconcile")
    of.truth.add(uploads(30), WHO)
    poison = {
        "pk": {"S": "open#1#technical"},
        "sk": {"S": "00#poison"},
        "kind": {"S": "open"},
        "stage": {"S": "technical"},
    }
    of.clients.dynamodb.put_item(TableName=of.place.table("open"), Item={**poison, "row": {"S": "{ no row"}})
    of.truth.add(uploads(30, 30), WHO)
    until(lambda: of.live("technical") == 60, 150)
    until(lambda: of.truth.documents(REFUSED) and any(line["event"] == "refused" for line in of.lines("reconcile")))
    (kept,) = of.truth.documents(REFUSED)
    assert (kept.body["component"], kept.body["code"], kept.body["evidence"]) == (
        "reconcile",
        "unreadable_row",
        "{ no row",
    )
    found = diagnose(take(of.workflow, of.truth, of.intent, of.clock, of.settings), of.settings).findings
    (finding,) = (each for each in found if each.code == "events_refused")
    assert finding.value("reasons") == {"reconcile:unreadable_row": 1}
    lines = of.lines("reconcile")
    assert [line["code"] for line in lines if line["event"] == "refused"] == ["unreadable_row"]
    passes = [line for line in lines if line["event"] == "pass"]
    assert sum(line["Emitted"] for line in passes) == 60
    assert {line["Heartbeat"] for line in passes} == {1}


@on_demand("half a minute of cold starts")
def test_records_that_come_again_send_nothing_again(deploy: Deploy) -> None:
    of = deploy()
    of.function("reconcile", of.statements("reconcile"))
    of.truth.add(uploads(20), WHO)
    rows = of.clients.dynamodb.scan(TableName=of.place.table("open"))["Items"]
    event = {"Records": [_record(row, number) for number, row in enumerate(rows)]}
    for _ in range(3):
        assert of.functions.call("reconcile", event) == ({"batchItemFailures": []}, None)
    assert of.live("technical") == 20
    assert [line["Emitted"] for line in of.lines("reconcile") if line["event"] == "pass"] == [20, 0, 0]


def _record(row: dict[str, Any], number: int) -> dict[str, Any]:
    change = {"SequenceNumber": f"{number:021d}", "NewImage": row}
    return {"eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": change}


def test_incident_8_a_role_without_get_queue_attributes_is_blind_says_so_and_still_emits(deploy: Deploy) -> None:
    of = deploy()
    of.function("reconcile", of.statements("reconcile", "sqs:GetQueueAttributes"), PARJANYA_FLEET='{"images": [4, 50]}')
    of.truth.add(uploads(10), WHO)
    rows = of.clients.dynamodb.scan(TableName=of.place.table("open"))["Items"]
    event = {"Records": [_record(row, number) for number, row in enumerate(rows)]}
    assert of.functions.call("reconcile", event) == ({"batchItemFailures": []}, None)
    assert of.live("technical") == 10
    (line,) = [line for line in of.lines("reconcile") if line["event"] == "pass"]
    assert (line["Heartbeat"], line["Emitted"], line["finding"]) == (0, 10, "control_plane_blind")
    assert any("sqs:GetQueueAttributes" in said for said in line["blind"])
    assert line["unnoted"] is None
    assert DynamoLedger(of.clients, of.clock, 100).counts() == {("emit", "opened"): 10}
    now_ms = of.clock.now_ms()
    sweep = Heartbeat("reconciler", "sweep", now_ms, {"role": "operator", "blind": []})
    (finding,) = control_plane([*of.truth.heartbeats(), sweep], now_ms, 180_000)
    assert finding.code == "control_plane_blind"


@on_demand("half a minute of cold starts")
def test_a_queue_that_nobody_may_write_to_hands_the_batch_back_until_somebody_may(deploy: Deploy) -> None:
    of = deploy()
    of.function("reconcile", of.statements("reconcile", "sqs:SendMessage"))
    of.functions.on_changes("reconcile")
    of.truth.add(uploads(5), WHO)
    until(lambda: [line for line in of.lines("reconcile") if line["event"] == "pass" and line["Blind"]], 150)
    assert of.live("technical") == 0
    of.functions.permit("reconcile", of.statements("reconcile"))
    until(lambda: of.live("technical") == 5, 150)


# -- intake, called by S3 and by a queue


def _key(name: str, data: bytes, tenant: str = "t") -> tuple[str, str]:
    return "uploads/" + Upload(tenant, hashlib.sha256(data).hexdigest(), name).address.key, name


def _done(of: Deployment, count: int) -> bool:
    items = of.truth.items()
    return len(items) == count and all(i.stages["technical"].state is StageState.COMPLETED for i in items)


@on_demand("half a minute of cold starts")
def test_an_upload_that_s3_tells_a_queue_of_is_looked_at_at_once(deploy: Deploy) -> None:
    of = deploy()
    of.function("intake", of.statements("intake"))
    of.functions.on_arrivals("intake")
    bucket = of.place.bucket
    of.clients.s3.put_object(Bucket=bucket, Key="derived/thumb.jpg", Body=b"x")
    for number, name in enumerate(("plain.jpg", "ü ☂+1.jpg", "holiday/a b.jpg"), 1):
        data = jpeg("red")
        of.clients.s3.put_object(Bucket=bucket, Key=_key(name, data)[0], Body=data)
        until(partial(_done, of, number), 150)
    assert {item.attributes["path"] for item in of.truth.items()} == {"plain.jpg", "ü ☂+1.jpg", "holiday/a b.jpg"}
    assert of.truth.tenants() == ["t"]
    (first,) = of.truth.get([ItemKey("t", of.truth.items()[0].key.item)])
    assert first is not None
    assert first.stages["preview"].state is StageState.PENDING
    facts = first.stages["technical"].facts
    assert facts is not None
    assert (facts["width"], facts["height"]) == (40, 30)
    assert of.live("arrivals") == 0


@on_demand("half a minute of cold starts")
def test_news_that_is_none_ends_with_the_dead_letters_and_the_message_beside_it_is_worked_on(deploy: Deploy) -> None:
    of = deploy()
    of.function("intake", of.statements("intake"))
    of.functions.on_arrivals("intake")
    url = of.clients.sqs.get_queue_url(QueueName=of.place.queue("arrivals"))["QueueUrl"]
    of.clients.sqs.send_message(QueueUrl=url, MessageBody="hello, this is nobody's news")
    data = jpeg("blue")
    of.clients.s3.put_object(Bucket=of.place.bucket, Key=_key("good.jpg", data)[0], Body=data)
    until(partial(_done, of, 1), 150)
    until(lambda: of.truth.documents(REFUSED) and any(line["event"] == "refused" for line in of.lines("intake")))
    refused = [line["code"] for line in of.lines("intake") if line["event"] == "refused"]
    assert refused
    assert set(refused) == {"unreadable_message"}
    (kept,) = of.truth.documents(REFUSED)
    assert (kept.body["component"], kept.body["code"]) == ("intake", "unreadable_message"), "kept once"


# -- sweep, called by the clock


@on_demand("half a minute of cold starts")
def test_the_schedule_calls_the_sweep_and_that_finds_what_nobody_was_told_of(deploy: Deploy) -> None:
    of = deploy()
    of.function("sweep", of.statements("sweep"))
    of.truth.add(uploads(15), WHO)
    of.functions.on_schedule("sweep")
    until(lambda: [line for line in of.lines("sweep") if line["event"] == "pass"], 200)
    passes = [line for line in of.lines("sweep") if line["event"] == "pass"]
    assert sum(line["Emitted"] for line in passes) == of.live("technical") == 15
    assert (passes[0]["Heartbeat"], passes[0]["unnoted"]) == (1, None)
    assert DynamoLedger(of.clients, of.clock, 100).counts()["supersede", "truth_without_intent"] == 15
