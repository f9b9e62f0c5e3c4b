"""The ledger as a log in the register table: what a pass decided is one item, whoever asks reads the log and folds it.

A row for each decision would cost more than the intents that it tells of; a block of them, compressed, costs a twentieth of a
write each. Questions are rare (``explain``, a scrape of metrics): the first one reads the whole log (a few MB), later ones only
what has come since. When the log is twice as long as what is kept of it, it begins anew with a block of what is kept.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tbie.backends.aws.client import ClientError, Clients, code_of, told
from tbie.core.clock import Clock
from tbie.core.errors import LedgerUnavailableError
from tbie.core.keys import ItemKey
from tbie.reconciler.kept import Kept
from tbie.reconciler.ledger import LedgerEntry, Noted

KEPT_S = 30 * 86_400
"""The table itself forgets a block after this long, whatever the bound."""
_PK = "ledger"
_BLOCK_BYTES = 300_000
"""Of JSON in one item, before it is compressed: never more than an item may have, even if it cannot be."""
_LONGEST = 2**25
_TRIES = 8


class DynamoLedger:
    """A ``Ledger`` that keeps *rows* entries. Safe to use from several threads and processes."""

    def __init__(self, clients: Clients, clock: Clock, rows: int) -> None:
        self._clients, self._clock, self._rows = clients, clock, rows
        self._table = clients.place.table("register")
        self._lock = threading.RLock()
        self._forget()

    def _forget(self) -> None:
        self._kept = Kept(self._rows)
        self._read_to, self._length = 0, 0

    def note(self, decisions: Sequence[Noted]) -> None:
        if not decisions:
            return
        # first of all, so that what is not JSON writes nothing
        texts = [_text(each) for each in decisions]
        with self._lock:
            for block in _blocks(texts):
                self._append("noted", block)
            if self._length > 2 * self._rows + 1_000:
                self._begin_anew()

    def _append(self, kind: str, texts: Sequence[str]) -> int:
        """Write one block behind the last one, wherever another process has put that; returns its number."""
        packed = zlib.compress(f"[{','.join(texts)}]".encode())
        gone_s = self._clock.now_ms() // 1000 + KEPT_S
        for attempt in range(_TRIES):
            if attempt or not self._read_to:
                self._catch_up()
            number = self._read_to + 1
            item = {"pk": {"S": _PK}, "sk": {"S": f"{number:015d}"}, "kind": {"S": kind}, "block": {"B": packed}}
            try:
                with told(LedgerUnavailableError, f"noting decisions in {self._table}"):
                    self._clients.dynamodb.put_item(
                        TableName=self._table,
                        Item={**item, "gone_s": {"N": str(gone_s)}},
                        ConditionExpression="attribute_not_exists(pk)",
                    )
            except LedgerUnavailableError as error:
                cause = error.__cause__
                if isinstance(cause, ClientError) and code_of(cause) == "ConditionalCheckFailedException":
                    continue  # another process was quicker: read what it wrote, take the next number
                raise
            self._fold(item)
            return number
        raise LedgerUnavailableError(f"noting decisions in {self._table}: others were quicker {_TRIES} times in a row")

    def _begin_anew(self) -> None:
        """What is kept, as blocks of its own; then everything before them goes."""
        first = self._read_to + 1
        entries = [_text(each) for each in self._kept.all()]
        for number, block in enumerate(_blocks(entries)):
            self._append("more" if number else "kept", block)
        old = [item["sk"]["S"] for item in self._items(0) if int(item["sk"]["S"]) < first]
        with told(LedgerUnavailableError, f"shortening the ledger in {self._table}"):
            for start in range(0, len(old), 25):
                keys = [{"pk": {"S": _PK}, "sk": {"S": sk}} for sk in old[start : start + 25]]
                requests = [{"DeleteRequest": {"Key": key}} for key in keys]
                self._clients.dynamodb.batch_write_item(RequestItems={self._table: requests})

    def _catch_up(self) -> None:
        """Fold what has been written since the last time."""
        for item in self._items(self._read_to):
            self._fold(item)

    def _items(self, after: int) -> Iterator[dict[str, Any]]:
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk > :sk",
            "ExpressionAttributeValues": {":pk": {"S": _PK}, ":sk": {"S": f"{after:015d}"}},
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
        number = int(item["sk"]["S"])
        try:
            found = json.loads(zlib.decompressobj().decompress(item["block"]["B"], _LONGEST))
            kind = item["kind"]["S"]
            if kind == "noted":
                self._kept.note(Noted(ItemKey(*key), *rest) for key, *rest in found)
            else:
                if kind == "kept":
                    self._forget()
                self._kept.put_back(LedgerEntry(ItemKey(*key), *rest) for key, *rest in found)
            self._length += len(found)
        except (KeyError, TypeError, ValueError, zlib.error):
            pass  # nobody here wrote that block; an account of decisions does without it
        self._read_to = max(self._read_to, number)

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
