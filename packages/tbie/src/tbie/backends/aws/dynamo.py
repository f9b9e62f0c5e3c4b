"""Asking DynamoDB: batches that come back in part, pages, transactions that meet others. A thin shell without an opinion on rows.

Reads are strongly consistent. Refusals become ``TruthUnavailableError`` in words, except those that a caller has to act on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Event
from typing import Any

from tbie.backends.aws.client import THROTTLED, BotoCoreError, ClientError, Clients, code_of, told, words
from tbie.backends.aws.rows import Attributes
from tbie.core.errors import TruthUnavailableError
from tbie.core.ids import RandomIds

Key = tuple[str, str]

KEYS_PER_GET = 100
ROWS_PER_WRITE = 25
BYTES_PER_WRITE = 8_000_000
"""Of one batch of writes: DynamoDB takes 16 MB, and the interface writes bytes as base64."""

_ROUNDS = 8
"""How often what came back unprocessed is asked for again, each time after a longer pause, before it is said to be throttled."""
_LOST_ROUNDS = 2
"""How often a transaction whose answer was lost is sent again under its own token, after the client library's own attempts."""
_MET = frozenset({"ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_SAME_TOKEN = frozenset({"TransactionInProgressException", "InternalServerError", "ServiceUnavailable"})

_BOUNDS = {
    (False, False): "",
    (True, False): " AND sk > :a",
    (False, True): " AND sk < :b",
    (True, True): " AND sk BETWEEN :a AND :b",
}
"""Condition on the sort key by whether there is a lower and an upper bound: DynamoDB takes one condition, not two."""


class MetOthersError(Exception):
    """A transaction met another writer: nothing of it was done. ``failed`` are the places of actions whose condition failed."""

    def __init__(self, failed: Sequence[int]) -> None:
        super().__init__(f"conditions {list(failed)} failed" if failed else "another transaction was faster")
        self.failed = tuple(failed)


class Dynamo:
    """The tables of one place.

    Args:
        pause: waits that many seconds; by default for real.
    """

    def __init__(self, clients: Clients, pause: Callable[[float], object] | None = None) -> None:
        self.clients, self._client = clients, clients.dynamodb
        self._pause = pause or Event().wait
        self._tokens = RandomIds()
        self._jitter = 0.5 + int(self._tokens.token()[:4], 16) / 0x1_0000

    def new_token(self) -> str:
        """A name that no other process makes."""
        return self._tokens.token()

    def table(self, name: str) -> str:
        """Full name of a table."""
        return self.clients.place.table(name)

    def wait(self, attempt: int) -> None:
        """A pause before attempt number *attempt* (from 1): 10 ms, doubled each time, at most 1 s; another in each process."""
        self._pause(min(0.01 * 2**attempt, 1.0) * self._jitter)

    # -- reading

    def get(self, table: str, keys: Sequence[Key], only: str | None = None) -> dict[Key, Attributes]:
        """The rows at *keys* that exist; *only* is a projection."""
        name, found = self.table(table), dict[Key, Attributes]()
        wanted = list(dict.fromkeys(keys))
        for first in range(0, len(wanted), KEYS_PER_GET):
            asked: dict[str, Any] = {"Keys": [_key(key) for key in wanted[first : first + KEYS_PER_GET]]}
            asked["ConsistentRead"] = True
            if only is not None:
                asked["ProjectionExpression"] = only
            for row in self._batch({name: asked}, name):
                found[row["pk"]["S"], row["sk"]["S"]] = row
        return found

    def _batch(self, request: dict[str, Any], name: str) -> Iterator[Attributes]:
        attempt = 0
        while attempt < _ROUNDS:
            if attempt:
                self.wait(attempt)
            with told(TruthUnavailableError, f"reading from table {name}"):
                answer = self._client.batch_get_item(RequestItems=request)
            found = answer["Responses"].get(name, ())
            yield from found
            request = answer.get("UnprocessedKeys") or {}
            if not request:
                return
            attempt = (
                0 if found else attempt + 1
            )  # an answer holds 16 MB at most: the rest of a large one is no throttling
        raise TruthUnavailableError(f"reading from table {name}: throttled {_ROUNDS} times in a row; it is tried again")

    def one(self, table: str, key: Key) -> Attributes | None:
        """The row at *key*."""
        name = self.table(table)
        with told(TruthUnavailableError, f"reading from table {name}"):
            answer = self._client.get_item(TableName=name, Key=_key(key), ConsistentRead=True)
        row: Attributes | None = answer.get("Item")
        return row

    def query(
        self, table: str, pk: str, after: str | None = None, below: str | None = None, page: int | None = None
    ) -> Iterator[Attributes]:
        """Rows of one partition in the order of their sort keys, after *after* and below *below*, read page by page.

        With *below*, which must be no key itself, sort keys hold no character below ``"``.
        """
        if after is not None and below is not None and after >= below:
            return
        name, values, condition = self.table(table), {":p": {"S": pk}}, "pk = :p"
        if below is not None:
            values[":b"] = {"S": below}
        if after is not None:
            values[":a"] = {"S": after if below is None else f"{after}!"}  # BETWEEN takes both its ends
        condition += _BOUNDS[after is not None, below is not None]
        asked: dict[str, Any] = {
            "TableName": name,
            "ConsistentRead": True,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        if page is not None:
            asked["Limit"] = page
        while True:
            with told(TruthUnavailableError, f"reading from table {name}"):
                answer = self._client.query(**asked)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    # -- writing

    def put(self, table: str, row: Attributes) -> None:
        """Write one row, whatever was there. Written twice is written once."""
        name = self.table(table)
        with told(TruthUnavailableError, f"writing to table {name}"):
            self._client.put_item(TableName=name, Item=row)

    def put_many(self, table: str, rows: Sequence[tuple[Attributes, int]]) -> None:
        """Write rows (each with its size), whatever was there, in any order."""
        name, batch, size = self.table(table), list[Any](), 0
        for row, length in rows:
            if batch and (len(batch) == ROWS_PER_WRITE or size + length > BYTES_PER_WRITE):
                self._write({name: batch}, name)
                batch, size = [], 0
            batch.append({"PutRequest": {"Item": row}})
            size += length
        if batch:
            self._write({name: batch}, name)

    def _write(self, request: Mapping[str, Any], name: str) -> None:
        for attempt in range(_ROUNDS):
            if attempt:
                self.wait(attempt)
            with told(TruthUnavailableError, f"writing to table {name}"):
                answer = self._client.batch_write_item(RequestItems=request)
            request = answer.get("UnprocessedItems") or {}
            if not request:
                return
        raise TruthUnavailableError(f"writing to table {name}: throttled {_ROUNDS} times in a row; try again")

    def transact(self, actions: Sequence[Mapping[str, Any]], doing: str) -> None:
        """Do all of *actions* or nothing. Sent again under one token where the answer is lost: done once.

        Raises:
            MetOthersError: a condition did not hold, or somebody else was writing the same rows.
        """
        token = self._tokens.token()
        for round_ in range(_LOST_ROUNDS + 1):
            try:
                self._client.transact_write_items(TransactItems=actions, ClientRequestToken=token)
            except ClientError as refused:
                self._act_on(refused, doing, again=round_ < _LOST_ROUNDS)
            except BotoCoreError as lost:
                if round_ == _LOST_ROUNDS:
                    unsure = "whether it was done is not known: what is decided again is decided on what is there"
                    raise TruthUnavailableError(f"{words(lost, doing)} ({unsure})") from lost
            else:
                return
            self.wait(round_ + 1)

    def _act_on(self, refused: ClientError, doing: str, again: bool) -> None:
        """Raise what a refused transaction means; return if it is to be sent again as it is."""
        code = code_of(refused)
        if code in _SAME_TOKEN and again:
            return
        if code == "TransactionCanceledException":
            reasons = [reason.get("Code", "None") for reason in refused.response.get("CancellationReasons", [])]
            others = [reason for reason in refused.response.get("CancellationReasons", []) if _is_other(reason)]
            if reasons and not others:
                failed = [place for place, reason in enumerate(reasons) if reason == "ConditionalCheckFailed"]
                raise MetOthersError(failed) from None
            said = others[0].get("Message") if others else None
            raise TruthUnavailableError(f"{words(refused, doing)}{f': {said}' if said else ''}") from refused
        if code in THROTTLED or code == "TransactionConflictException":
            raise MetOthersError(()) from refused
        raise TruthUnavailableError(words(refused, doing)) from refused


def _is_other(reason: Mapping[str, Any]) -> bool:
    return reason.get("Code", "None") not in _MET | {"None"}


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
