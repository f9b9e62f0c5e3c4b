"""What stands in the place of AWS's library: answers as DynamoDB and SQS do, from memory, in the shapes of its interface.

Nothing is serialised, signed or sent. Rows are kept as bytes, so nobody shares them with a caller and the garbage collector
does not look at them. Its own processor time is counted in ``Spent`` and is not the kernel's. What a life without accidents
does not ask for is refused: a condition that does not hold, or an operation that is not here, ends the measurement.
"""

from __future__ import annotations

import base64
import functools
import itertools
import marshal
import os
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any, cast

from tbie.backends.aws.client import Clients
from tbie.backends.aws.place import Place

_PAGE = 1_000
_SHARD = "shardId-00000000000000000001"
_HANDLE_BYTES = 256
"""A receipt handle has about 340 characters, and does not compress."""

Row = dict[str, Any]


class Spent:
    """Processor seconds of the stand-in, all threads together."""

    def __init__(self) -> None:
        self.s = 0.0
        self.calls: defaultdict[str, int] = defaultdict(int)
        self._lock = threading.Lock()

    def counting(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        """*operation*, its time and its calls counted."""

        @functools.wraps(operation)
        def counted(**asked: Any) -> Any:
            began = time.thread_time()
            try:
                with self._lock:
                    return operation(**asked)
            finally:
                with self._lock:
                    self.calls[operation.__name__] += 1
                    self.s += time.thread_time() - began

        return counted


def stand_in(spent: Spent) -> Clients:
    """Clients of an empty place."""
    place = Place("eu-central-1", "bench", "bench-objects")
    tables, queues = Tables(place.table("open")), Queues()
    database, queue = _Counted(tables, spent), _Counted(queues, spent)
    return cast("Clients", _Clients(place, database, queue))


class _Clients:
    """As much of ``Clients`` as the stores ask for."""

    def __init__(self, place: Place, database: _Counted, queue: _Counted) -> None:
        self.place, self.dynamodb, self.streams, self.sqs = place, database, database, queue


class _Counted:
    """An interface whose every call is counted."""

    def __init__(self, of: object, spent: Spent) -> None:
        self._of, self._spent = of, spent

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found = self._spent.counting(getattr(self._of, name))
        setattr(self, name, found)  # looked up once
        return found


class Tables:
    """DynamoDB, and the stream of one table."""

    def __init__(self, streamed: str) -> None:
        self._streamed = streamed
        self._rows: defaultdict[str, defaultdict[str, dict[str, bytes]]] = defaultdict(lambda: defaultdict(dict))
        self._records: list[bytes] = []

    # -- reading

    def batch_get_item(self, RequestItems: Mapping[str, Any]) -> Row:  # noqa: N803 - AWS's name
        ((name, asked),) = RequestItems.items()
        rows = [row for key in asked["Keys"] if (row := self._read(name, key)) is not None]
        return {"Responses": {name: rows}, "UnprocessedKeys": {}}

    def get_item(self, TableName: str, Key: Row, **_: Any) -> Row:  # noqa: N803 - AWS's names
        row = self._read(TableName, Key)
        return {"Item": row} if row else {}

    def _read(self, table: str, key: Row) -> Row | None:
        packed = self._rows[table][key["pk"]["S"]].get(key["sk"]["S"])
        return marshal.loads(packed) if packed else None

    def query(self, **asked: Any) -> Row:
        values, text = asked["ExpressionAttributeValues"], asked["KeyConditionExpression"]
        rows = self._rows[asked["TableName"]][next(iter(values.values()))["S"]]
        after = asked.get("ExclusiveStartKey", {}).get("sk", {}).get("S", "")
        low, high = values.get(":a", {}).get("S", ""), values.get(":b", {}).get("S")
        if " >= " in text:
            raise NotImplementedError(text)
        names = sorted(sk for sk in rows if sk > max(low, after) and (high is None or sk < high))
        limit = asked.get("Limit", _PAGE)
        answer: Row = {"Items": [marshal.loads(rows[name]) for name in names[:limit]]}
        if len(names) > limit:
            answer["LastEvaluatedKey"] = {key: answer["Items"][-1][key] for key in ("pk", "sk")}
        return answer

    # -- writing

    def put_item(self, TableName: str, Item: Row) -> Row:  # noqa: N803 - AWS's names
        self._put(TableName, Item)
        return {}

    def batch_write_item(self, RequestItems: Mapping[str, Any]) -> Row:  # noqa: N803 - AWS's name
        for table, requests in RequestItems.items():
            for request in requests:
                ((kind, what),) = request.items()
                if kind == "PutRequest":
                    self._put(table, what["Item"])
                else:
                    self._delete(table, what["Key"])
        return {"UnprocessedItems": {}}

    def transact_write_items(self, TransactItems: list[Row], ClientRequestToken: str) -> Row:  # noqa: N803 - AWS's names
        assert ClientRequestToken
        assert len(TransactItems) <= 100
        for action in TransactItems:
            ((kind, what),) = action.items()
            self._check(what)
            if kind == "Put":
                self._put(what["TableName"], what["Item"])
            elif kind == "Delete":
                self._delete(what["TableName"], what["Key"])
            elif kind == "Update":
                self._add(what)
        return {}

    def _check(self, what: Row) -> None:
        condition = what.get("ConditionExpression")
        if condition is None:
            return
        row = self._read(what["TableName"], what.get("Item") or what["Key"])
        if condition == "attribute_not_exists(pk)":
            holds = row is None
        else:
            name, value = condition.split(" = ")
            holds = row is not None and row[name] == what["ExpressionAttributeValues"][value]
        if not holds:
            raise AssertionError(f"a condition does not hold: {what}")

    def _add(self, what: Row) -> None:
        row = self._read(what["TableName"], what["Key"]) or {**what["Key"]}
        names, values = what["ExpressionAttributeNames"], what["ExpressionAttributeValues"]
        sets, _, adds = what["UpdateExpression"].removeprefix("SET ").partition(" ADD ")
        name, value = sets.split(" = ")
        row[names[name]] = values[value]
        for pair in adds.split(", "):
            name, value = pair.split(" ")
            before = int(row.get(names[name], {"N": "0"})["N"])
            row[names[name]] = {"N": str(before + int(values[value]["N"]))}
        self._put(what["TableName"], row)

    def batch_execute_statement(self, Statements: list[Row]) -> Row:  # noqa: N803 - AWS's name
        for said in Statements:
            text, (pk, sk, token, mid) = said["Statement"], said["Parameters"]
            if not text.startswith("DELETE FROM "):
                raise NotImplementedError(text)
            table, key = text.split('"')[1], {"pk": pk, "sk": sk}
            row = self._read(table, key)
            assert row is not None, f"no such row: {said}"
            assert (row["token"], row["mid"]) == (token, mid), f"another copy: {said}"
            self._delete(table, key)
        return {"Responses": [{} for _ in Statements]}

    def _put(self, table: str, row: Row) -> None:
        pk, sk = row["pk"]["S"], row["sk"]["S"]
        rows, packed = self._rows[table][pk], marshal.dumps(row)
        if table == self._streamed:
            self._tell("MODIFY" if sk in rows else "INSERT", pk, sk, {"NewImage": row})
        rows[sk] = packed

    def _delete(self, table: str, key: Row) -> None:
        pk, sk = key["pk"]["S"], key["sk"]["S"]
        if self._rows[table][pk].pop(sk, None) is not None and table == self._streamed:
            self._tell("REMOVE", pk, sk, {})

    def _tell(self, event: str, pk: str, sk: str, image: Row) -> None:
        change = {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, "SequenceNumber": f"{len(self._records) + 1:021d}"}
        self._records.append(marshal.dumps({"eventName": event, "dynamodb": {**change, **image}}))

    # -- the stream

    def describe_table(self, TableName: str) -> Row:  # noqa: N803 - AWS's name
        assert TableName == self._streamed
        return {"Table": {"LatestStreamArn": "arn:bench"}}

    def describe_stream(self, StreamArn: str) -> Row:  # noqa: N803 - AWS's name
        assert StreamArn
        return {"StreamDescription": {"Shards": [{"ShardId": _SHARD, "SequenceNumberRange": {}}]}}

    def get_shard_iterator(self, **asked: Any) -> Row:
        return {"ShardIterator": str(int(asked.get("SequenceNumber", "0")))}

    def get_records(self, ShardIterator: str) -> Row:  # noqa: N803 - AWS's name
        first = int(ShardIterator)
        found = [marshal.loads(each) for each in self._records[first : first + _PAGE]]
        return {"Records": found, "NextShardIterator": str(first + len(found))}


class Queues:
    """SQS. Nothing comes back by itself: a measurement is shorter than a lease."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, deque[tuple[str, str]]] = defaultdict(deque)
        self._taken: defaultdict[str, set[str]] = defaultdict(set)
        self._numbers = itertools.count(1)

    def get_queue_url(self, QueueName: str) -> Row:  # noqa: N803 - AWS's name
        return {"QueueUrl": f"https://sqs.eu-central-1.amazonaws.com/123456789012/{QueueName}"}

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> Row:  # noqa: N803 - AWS's names
        counts = (len(self._waiting[QueueUrl]), len(self._taken[QueueUrl]), 0)
        return {"Attributes": dict(zip(AttributeNames, map(str, counts), strict=True))}

    def send_message_batch(self, QueueUrl: str, Entries: list[Row]) -> Row:  # noqa: N803 - AWS's names
        assert len(Entries) <= 10
        done = []
        for entry in Entries:
            assert "DelaySeconds" not in entry, "nothing is put off in a life without accidents"
            mid = f"{next(self._numbers):08x}-0000-4000-8000-000000000000"
            self._waiting[QueueUrl].append((mid, entry["MessageBody"]))
            done.append({"Id": entry["Id"], "MessageId": mid, "MD5OfMessageBody": "0" * 32})
        return {"Successful": done}

    def receive_message(self, QueueUrl: str, MaxNumberOfMessages: int, **_: Any) -> Row:  # noqa: N803 - AWS's names
        waiting, found = self._waiting[QueueUrl], list[Row]()
        while waiting and len(found) < MaxNumberOfMessages:
            mid, body = waiting.popleft()
            handle = base64.b64encode(os.urandom(_HANDLE_BYTES)).decode()
            self._taken[QueueUrl].add(handle)
            count = {"ApproximateReceiveCount": "1"}
            found.append({"MessageId": mid, "ReceiptHandle": handle, "Body": body, "Attributes": count})
        return {"Messages": found} if found else {}

    def delete_message_batch(self, QueueUrl: str, Entries: list[Row]) -> Row:  # noqa: N803 - AWS's names
        assert len(Entries) <= 10
        for entry in Entries:
            self._taken[QueueUrl].remove(entry["ReceiptHandle"])
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}
