"""The ledger as a log in the register table: what a pass decided is one item, whoever asks reads the log and folds it.

A row for each decision would cost more than the intents that it tells of; a block of them, compressed, costs a twentieth of a
write each. Questions are rare (``explain``, a scrape of metrics): the first one reads the whole log (a few MB), later ones only
what has come since. When the log is twice as long as what is kept of it, it begins anew.

    ledger       001732…-000001-a3f…   decisions of a pass: by time, under a name that nobody else has
    ledger       ~                     the head: how often the log began anew, where the parts are, which blocks are in them
    ledger-kept  a3f…#0000             a part: entries that were kept then, the oldest first

Many write at once, functions among them, so nobody waits for a number or for what others wrote: noting is one write and no read.
For that, readers look back a while (``LATE_MS``): a block may come later than one with a younger name.
"""

from __future__ import annotations

import itertools
import json
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tbie.backends.aws.client import ClientError, Clients, code_of, told
from tbie.core.clock import Clock
from tbie.core.errors import LedgerUnavailableError
from tbie.core.ids import RandomIds
from tbie.core.keys import ItemKey
from tbie.reconciler.kept import Kept
from tbie.reconciler.ledger import LedgerEntry, Noted

KEPT_S = 30 * 86_400
"""The table itself forgets a block after this long, whatever the bound."""
MOST_BLOCKS = 2_000
"""Many small blocks make a log long to read and to delete although little is in it."""
LATE_MS = 60_000
"""How much later than its name says a block may come: clocks that differ, writes that were tried again."""
LOOK_S = 60.0
"""How often whoever shortens the log reads what others noted."""
_PK, _PARTS, _HEAD = "ledger", "ledger-kept", "~"
_BLOCK_BYTES = 300_000
"""Of JSON in one item, before it is compressed: never more than an item may have, even if it cannot be."""
_LONGEST = 2**25
_TRIES = 4


class DynamoLedger:
    """A ``Ledger`` that keeps *rows* entries. Safe to use from several threads and processes.

    Args:
        shortens: read now and then what others note, and begin the log anew when it has grown. Without, noting reads nothing:
            for processes that come and go beside one that shortens.
    """

    def __init__(self, clients: Clients, clock: Clock, rows: int, *, shortens: bool = True) -> None:
        self._clients, self._clock, self._rows, self._shortens = clients, clock, rows, shortens
        self._table = clients.place.table("register")
        self._lock = threading.RLock()
        self._ids, self._count = RandomIds(), itertools.count(1)
        self._look_at_s = clock.monotonic_s()
        self._forget()

    def _forget(self) -> None:
        self._kept, self._length = Kept(self._rows), 0
        self._seen, self._covered = set[str](), set[str]()
        """Names of the blocks that are there, as far as they were read; names of those that are in the parts, and go."""
        self._upto_ms = self._generation = 0
        self._parts = list[str]()
        self._loaded = False

    def note(self, decisions: Sequence[Noted]) -> None:
        if not decisions:
            return
        # first of all, so that what is not JSON writes nothing
        texts = [_text(each) for each in decisions]
        with self._lock:
            for block in _blocks(texts):
                sk = f"{self._clock.now_ms():015d}-{next(self._count):06d}-{self._ids.token()}"
                self._put(self._item(_PK, sk, block))
            if self._shortens and self._clock.monotonic_s() >= self._look_at_s:
                self._look_at_s = self._clock.monotonic_s() + LOOK_S
                self._catch_up()
                if self._length > 2 * self._rows + 1_000 or len(self._seen) > MOST_BLOCKS:
                    self._begin_anew()

    # -- writing

    def _item(self, pk: str, sk: str, texts: Iterable[str]) -> dict[str, Any]:
        packed = zlib.compress(f"[{','.join(texts)}]".encode())
        gone_s = self._clock.now_ms() // 1000 + KEPT_S
        return {"pk": {"S": pk}, "sk": {"S": sk}, "block": {"B": packed}, "gone_s": {"N": str(gone_s)}}

    def _put(self, item: Mapping[str, Any], **condition: Any) -> None:
        with told(LedgerUnavailableError, f"noting decisions in {self._table}"):
            self._clients.dynamodb.put_item(TableName=self._table, Item=item, **condition)

    def _begin_anew(self) -> None:
        """What is kept becomes parts, the head says which blocks are in them, and those go. Stopped anywhere, nothing is lost."""
        name, parts = self._ids.token(), list[str]()
        for texts in _blocks(_text(each) for each in self._kept.all()):
            parts.append(f"{name}#{len(parts):04d}")
            self._put(self._item(_PARTS, parts[-1], texts))
        if not self._put_head(parts):
            self._drop(_PARTS, parts)
            self._forget()  # another process was quicker, and what it kept counts
            return
        old, self._parts, self._generation = self._parts, parts, self._generation + 1
        self._length, self._covered = len(self._kept), set(self._seen)
        self._drop(_PK, sorted(self._seen))
        self._seen = set()  # only now: what could not be deleted is in the next head as well
        self._drop(_PARTS, old)

    def _put_head(self, parts: Sequence[str]) -> bool:
        """Make *parts* what is kept; False if another process has begun anew since this one read the head."""
        item = self._item(_PK, _HEAD, map(json.dumps, sorted(self._seen)))
        item |= {"generation": {"N": str(self._generation + 1)}, "parts": {"L": [{"S": part} for part in parts]}}
        known = {
            "ConditionExpression": "generation = :known",
            "ExpressionAttributeValues": {":known": {"N": str(self._generation)}},
        }
        try:
            self._put(item, **known if self._generation else {"ConditionExpression": "attribute_not_exists(pk)"})
        except LedgerUnavailableError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and code_of(cause) == "ConditionalCheckFailedException":
                return _parts(self._head()) == parts  # our own, if its first answer was lost
            raise
        return True

    def _head(self) -> dict[str, Any] | None:
        return next(self._items(_PK, "sk = :sk", _HEAD), None)

    def _drop(self, pk: str, names: Sequence[str]) -> None:
        with told(LedgerUnavailableError, f"shortening the ledger in {self._table}"):
            for start in range(0, len(names), 25):
                keys = [{"pk": {"S": pk}, "sk": {"S": sk}} for sk in names[start : start + 25]]
                left: Mapping[str, Any] = {self._table: [{"DeleteRequest": {"Key": key}} for key in keys]}
                for _ in range(_TRIES):
                    left = left and self._clients.dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"]
                if left:
                    raise LedgerUnavailableError(f"shortening the ledger in {self._table}: it is throttled")

    # -- reading

    def _catch_up(self) -> None:
        """Fold what has been written since the last time; from the beginning, if the log has begun anew meanwhile."""
        for attempt in range(_TRIES):
            if not self._loaded:
                head = self._head()
                if head is not None and not self._load(head) and attempt < _TRIES - 1:
                    continue  # another one has begun anew since: look again
            from_ms = min(self._upto_ms, self._clock.now_ms()) - LATE_MS  # somebody's clock may be hours ahead
            found = list(self._items(_PK, "sk > :sk", f"{max(0, from_ms):015d}"))
            head = found.pop() if found and found[-1]["sk"]["S"] == _HEAD else None
            if _generation(head) == self._generation:
                for item in found:
                    self._fold(item)
                    self._upto_ms = max(self._upto_ms, _ms(item["sk"]["S"]))
                self._loaded = True
                return
            self._forget()
        raise LedgerUnavailableError(f"reading the ledger in {self._table}: it began anew {_TRIES} times meanwhile")

    def _load(self, head: Mapping[str, Any]) -> bool:
        """Take what was kept when the log last began; whether all of it is there."""
        self._generation = _generation(head)
        self._covered = {str(name) for name in _unpacked(head)}
        wanted = _parts(head)
        prefix = wanted[0].partition("#")[0] if wanted else ""
        there = (
            {item["sk"]["S"]: item for item in self._items(_PARTS, "begins_with(sk, :sk)", prefix)} if wanted else {}
        )
        self._parts = [name for name in wanted if name in there]
        for name in self._parts:
            found = _unpacked(there[name])
            self._length += len(found)
            self._kept.put_back(LedgerEntry(ItemKey(*key), *rest) for key, *rest in found)
        return len(self._parts) == len(wanted)

    def _items(self, pk: str, condition: str, sk: str) -> Iterator[dict[str, Any]]:
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": f"pk = :pk AND {condition}",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":sk": {"S": sk}},
            "ConsistentRead": True,
        }
        with told(LedgerUnavailableError, f"reading the ledger in {self._table}"):
            while True:
                answer = self._clients.dynamodb.query(**asked)
                yield from answer["Items"]
                if not answer.get("LastEvaluatedKey"):
                    return
                asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _fold(self, item: Mapping[str, Any]) -> None:
        name = item["sk"]["S"]
        if name in self._seen:
            return
        self._seen.add(name)
        if name in self._covered:
            return
        try:
            found = [Noted(ItemKey(*key), *rest) for key, *rest in _unpacked(item)]
        except (TypeError, ValueError):
            return  # nobody here wrote that block; an account of decisions does without it
        self._kept.note(found)
        self._length += len(found)

    def of(self, key: ItemKey) -> list[LedgerEntry]:
        with self._lock:
            self._catch_up()
            return self._kept.of(key)

    def recent(self, limit: int = 100) -> list[LedgerEntry]:
        with self._lock:
            self._catch_up()
            return self._kept.recent(limit)

    def counts(self, since_ms: int = 0) -> Mapping[tuple[str, str], int]:
        with self._lock:
            self._catch_up()
            return self._kept.counts(since_ms)

    def close(self) -> None:
        """The clients belong to whoever made them."""


def _generation(head: Mapping[str, Any] | None) -> int:
    return int(head["generation"]["N"]) if head is not None and "generation" in head else 0


def _parts(head: Mapping[str, Any] | None) -> list[str]:
    return [part["S"] for part in head.get("parts", {}).get("L", ())] if head is not None else []


def _ms(name: str) -> int:
    return int(name[:15]) if name[:15].isascii() and name[:15].isdigit() else 0


def _unpacked(item: Mapping[str, Any]) -> list[Any]:
    """What a block holds; nothing if nobody here wrote it."""
    try:
        found = json.loads(zlib.decompressobj().decompress(item["block"]["B"], _LONGEST))
    except (KeyError, TypeError, ValueError, RecursionError, zlib.error):
        return []
    return found if isinstance(found, list) else []


def _text(entry: Noted | LedgerEntry) -> str:
    return json.dumps(entry._replace(evidence=dict(entry.evidence)), allow_nan=False, separators=(",", ":"))


def _blocks(texts: Iterable[str]) -> Iterator[list[str]]:
    block: list[str] = []
    size = 0
    for text in texts:
        if block and size + len(text) > _BLOCK_BYTES:
            yield block
            block, size = [], 0
        block.append(text)
        size += len(text)
    if block:
        yield block
