"""A scripted stand-in for DynamoDB Streams: shards that split and end, records that are trimmed, iterators that expire.

The local server has one shard for ever; AWS has all of this, and says so only in errors. What is here follows the service's
documentation: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tbie.backends.aws.client import ClientError

_SHARDS_PER_PAGE = 2


@dataclass(slots=True)
class _Shard:
    id: str
    parent: str | None
    records: list[dict[str, Any]] = field(default_factory=list)
    closed: bool = False
    kept_from: int = 0
    """Records before this were trimmed."""


class ScriptedStreams:
    """Both clients that a reader of a stream needs, ``dynamodb`` and ``streams``, over shards that a test moves."""

    def __init__(self, page: int = 3) -> None:
        self.page, self.arn, self.age, self.calls = page, "arn:stream/1", 0, 0
        self.repeat = self.empty = self.busy = False
        """The next answer repeats the record before, is empty though there is more, or is a refusal for the moment."""
        self._shards: dict[str, _Shard] = {}
        self._count = self._begun = 0
        self.dynamodb = self.streams = self
        self.begin()

    # -- what a test does

    def begin(self, parent: str | None = None) -> str:
        """A new shard."""
        self._begun += 1
        shard = _Shard(f"shardId-{self._begun:020d}", parent)
        self._shards[shard.id] = shard
        return shard.id

    def open_shards(self) -> list[str]:
        """Shards that take records."""
        return [shard.id for shard in self._shards.values() if not shard.closed]

    def append(self, shard: str, pk: str, sk: str, event: str = "MODIFY", kind: str = "open") -> int:
        """One record at the end of an open shard; its number."""
        self._count += 1
        image = {} if event == "REMOVE" else {"NewImage": {"kind": {"S": kind}}}
        change = {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, "SequenceNumber": f"{self._count:021d}", **image}
        self._shards[shard].records.append({"eventName": event, "dynamodb": change})
        return self._count

    def split(self, shard: str, children: int = 2) -> None:
        """*shard* ends, and its children take over."""
        self._shards[shard].closed = True
        for _ in range(children):
            self.begin(shard)

    def trim(self, shard: str, count: int) -> list[int]:
        """The oldest *count* records of a shard are gone; their numbers. A closed shard without records is forgotten."""
        found = self._shards[shard]
        upto = min(found.kept_from + count, len(found.records))
        gone = [int(r["dynamodb"]["SequenceNumber"]) for r in found.records[found.kept_from : upto]]
        found.kept_from = upto
        if found.closed and upto == len(found.records):
            del self._shards[shard]
        return gone

    def expire(self) -> None:
        """Every iterator that was given so far holds no more."""
        self.age += 1

    # -- what the service does

    def describe_table(self, **_: object) -> dict[str, Any]:
        return {"Table": {"LatestStreamArn": self.arn}}

    def describe_stream(self, **asked: Any) -> dict[str, Any]:
        shards = list(self._shards.values())
        start = next((n + 1 for n, s in enumerate(shards) if s.id == asked.get("ExclusiveStartShardId")), 0)
        part = shards[start : start + _SHARDS_PER_PAGE]
        described: dict[str, Any] = {"Shards": [_described(shard) for shard in part]}
        if start + len(part) < len(shards):
            described["LastEvaluatedShardId"] = part[-1].id
        return {"StreamDescription": described}

    def get_shard_iterator(self, **asked: Any) -> dict[str, Any]:
        shard = self._shard(asked["ShardId"])
        at = shard.kept_from
        if asked["ShardIteratorType"] == "AFTER_SEQUENCE_NUMBER":
            after = int(asked["SequenceNumber"])
            at = sum(int(record["dynamodb"]["SequenceNumber"]) <= after for record in shard.records)
            if at < shard.kept_from:
                raise _error("TrimmedDataAccessException")
        return {"ShardIterator": f"{shard.id}|{at}|{self.age}"}

    def get_records(self, **asked: Any) -> dict[str, Any]:
        self.calls += 1
        name, at_text, age = asked["ShardIterator"].split("|")
        shard, at = self._shard(name), int(at_text)
        if self.busy:
            self.busy = False
            raise _error("LimitExceededException")
        if int(age) < self.age:
            raise _error("ExpiredIteratorException")
        if at < shard.kept_from:
            raise _error("TrimmedDataAccessException")
        first = at - 1 if self.repeat and at > shard.kept_from else at
        upto = min(at + (0 if self.empty else self.page), len(shard.records))
        self.repeat = self.empty = False
        answer: dict[str, Any] = {"Records": shard.records[first:upto]}
        if not shard.closed or upto < len(shard.records):
            answer["NextShardIterator"] = f"{name}|{upto}|{self.age}"
        return answer

    def _shard(self, name: str) -> _Shard:
        if name not in self._shards:
            raise _error("ResourceNotFoundException")
        return self._shards[name]


def _described(shard: _Shard) -> dict[str, Any]:
    numbers = [record["dynamodb"]["SequenceNumber"] for record in shard.records] or ["0"]
    span = {"StartingSequenceNumber": numbers[0]} | ({"EndingSequenceNumber": numbers[-1]} if shard.closed else {})
    return {"ShardId": shard.id, "SequenceNumberRange": span} | (
        {"ParentShardId": shard.parent} if shard.parent else {}
    )


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "scripted"}}, "Streams")
