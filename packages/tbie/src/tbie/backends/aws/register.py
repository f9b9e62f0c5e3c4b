"""The register: what was sent, who holds what, what died. Beside the queues, because SQS cannot be asked about a message.

Derived: it may be lost at any moment, in part or as a whole. What is missing here is sent again with a fresh token; what is wrong
here is noticed by Truth's tokens. Every write names the copy that it speaks of, so that it never undoes a newer one.

Table ``register``, keys ``pk`` and ``sk``, time to live ``gone_s``:

    <stage>#<shard>    digest of the item      what was sent last, or its death
    dead#<stage>       time of death, digest   a dead letter as a whole
    hand#<shard>       digest of the owner     what one worker holds
    look               stage                   what earlier comparisons with the queue found missing
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tbie.backends.aws import handed
from tbie.backends.aws.client import Clients, told
from tbie.backends.aws.conservation import Look, Sent
from tbie.backends.aws.copies import Death, Name, Row, ascii_json, partitions, read_row, write_death, write_row
from tbie.core.errors import IntentUnavailableError

READ_BATCH, WRITE_BATCH = 100, 25
_TRIES = 4
_GONE_MARGIN_S = 86_400
_AGAIN = frozenset({"ThrottlingError", "ThrottlingException", "ProvisionedThroughputExceeded", "RequestLimitExceeded",
                    "InternalServerError", "TransactionConflict"})  # fmt: skip
_OTHERS = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})
"""The register speaks of another copy by now, or of none: right as it is."""


class Forget(NamedTuple):
    """The copy is gone from the queue for good."""

    name: Name
    token: str
    mid: str


class Moved(NamedTuple):
    """Another copy lies in the queue in the place of *mid*."""

    name: Name
    mid: str
    row: Row


class Died(NamedTuple):
    """The copy is dead."""

    name: Name
    row: Row


Note = Forget | Moved | Died


class Register:
    """The table. Every method raises ``IntentUnavailableError`` if AWS refuses or does not answer."""

    def __init__(self, clients: Clients, retention_ms: int) -> None:
        self._clients, self._retention_ms = clients, retention_ms
        self._table = clients.place.table("register")

    def rows(self, names: Iterable[Name], now_ms: int) -> dict[Name, Row]:
        """The rows there are; what is past the retention is as if it were not there."""
        wanted = list(dict.fromkeys(names))
        found: dict[Name, Row] = {}
        for start in range(0, len(wanted), READ_BATCH):
            keys = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in wanted[start : start + READ_BATCH]]
            for item in self._get(keys):
                row = read_row(item)
                if row is not None and not self._over(row, now_ms):
                    found[Name(item["pk"]["S"], item["sk"]["S"])] = row
        return found

    def _get(self, keys: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        with told(IntentUnavailableError, f"reading {len(keys)} rows of {self._table}"):
            for _ in range(_TRIES):
                asked = {self._table: {"Keys": keys, "ConsistentRead": True}}
                answer = self._clients.dynamodb.batch_get_item(RequestItems=asked)
                yield from answer["Responses"].get(self._table, ())
                keys = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
                if not keys:
                    return
        raise IntentUnavailableError(f"reading {self._table}: AWS left {len(keys)} keys out {_TRIES} times (throttled)")

    def _over(self, row: Row, now_ms: int) -> bool:
        return (row.sent_ms if row.death is None else row.death.died_ms) <= now_ms - self._retention_ms

    def put(self, rows: Mapping[Name, Row]) -> None:
        """Write rows, whatever was there: what was sent last counts."""
        self._write([{"PutRequest": {"Item": self._item(name, row)}} for name, row in rows.items()])

    def _item(self, name: Name, row: Row) -> dict[str, Any]:
        gone = (row.death.died_ms if row.death else row.sent_ms) + self._retention_ms
        return {"pk": {"S": name.pk}, "sk": {"S": name.sk}, "gone_s": _seconds(gone), **write_row(row)}

    def _write(self, requests: list[dict[str, Any]]) -> None:
        with told(IntentUnavailableError, f"writing {len(requests)} rows of {self._table}"):
            for start in range(0, len(requests), WRITE_BATCH):
                left = requests[start : start + WRITE_BATCH]
                for _ in range(_TRIES):
                    answer = self._clients.dynamodb.batch_write_item(RequestItems={self._table: left})
                    left = answer.get("UnprocessedItems", {}).get(self._table, [])
                    if not left:
                        break
                else:
                    raise IntentUnavailableError(f"writing {self._table}: AWS left {len(left)} rows out (throttled)")

    def note(self, notes: Sequence[Note]) -> int:
        """Keep what became of copies, each only if the register still speaks of that copy; returns how many were kept.

        What is refused for another reason (a permission, a statement) is an error, told when the rest is done.
        """
        kept = 0
        refused: list[str] = []
        waiting = list(notes)
        for _ in range(_TRIES):
            again: list[Note] = []
            for batch in _apart(waiting):
                errors = self._execute([self._statement(note) for note in batch])
                kept += errors.count(None)
                again += [note for note, code in zip(batch, errors, strict=True) if code in _AGAIN]
                refused += [code for code in errors if code is not None and code not in _OTHERS | _AGAIN]
            waiting = again
            if not waiting:
                break
        refused += ["throttled"] * len(waiting)
        if refused:
            raise IntentUnavailableError(f"noting messages in {self._table}: {len(refused)} refused: {refused[0]}")
        return kept

    def _execute(self, statements: list[dict[str, Any]]) -> list[str | None]:
        with told(IntentUnavailableError, f"noting {len(statements)} messages in {self._table}"):
            answers = self._clients.dynamodb.batch_execute_statement(Statements=statements)["Responses"]
        return [answer["Error"].get("Code", "unknown") if "Error" in answer else None for answer in answers]

    def _statement(self, note: Note) -> dict[str, Any]:
        where = 'WHERE pk=? AND sk=? AND "token"=? AND "mid"=?'  # quoted: TOKEN is one of DynamoDB's reserved words
        match note:
            case Forget(name=name, token=token, mid=mid):
                statement = f'DELETE FROM "{self._table}" {where}'  # noqa: S608 - values are parameters, the table's name is ours
                return _said(statement, name.pk, name.sk, token, mid)
            case Moved(name=name, mid=mid, row=row):
                item = write_row(row)
                names: tuple[str, ...] = ("mid", "at", "nth", "behind", "due")
            case Died(name=name, row=row):
                mid, item, names = (
                    row.mid,
                    {**write_row(row), "gone_s": self._item(note.name, row)["gone_s"]},
                    ("death", "gone_s"),
                )
        sets = " ".join(f"SET {_quoted(each)}=?" for each in names)
        values = [item[each] for each in names]
        last = [{"S": text} for text in (name.pk, name.sk, row.token, mid)]
        return {"Statement": f'UPDATE "{self._table}" {sets} {where}', "Parameters": [*values, *last]}

    def bury(self, stage: str, letters: Sequence[tuple[Name, str, Death]]) -> None:
        """Keep dead letters: the text of the message and its death."""
        self._write([{"PutRequest": {"Item": self._letter(stage, *letter)}} for letter in letters])

    def _letter(self, stage: str, name: Name, body: str, death: Death) -> dict[str, Any]:
        order = f"{death.died_ms:015d}#{name.sk}"
        text = {"body": {"B": zlib.compress(body.encode())}, "death": {"S": write_death(death)}}
        gone = _seconds(death.died_ms + self._retention_ms)
        return {"pk": {"S": f"dead#{stage}"}, "sk": {"S": order}, "gone_s": gone, **text}

    def letters(self, stage: str, since_ms: int) -> Iterator[tuple[str, str, str]]:
        """Dead letters that died after *since_ms*, newest first: digest of the item, message, death."""
        after = {"S": f"{max(0, since_ms + 1):015d}"}
        for item in self._query(f"dead#{stage}", {"sk": ("sk >= :a", {":a": after})}, forward=False):
            with_body = zlib.decompressobj().decompress(item["body"]["B"], 2**22)
            yield item["sk"]["S"].partition("#")[2], with_body.decode(), item["death"]["S"]

    def sent(self, stage: str) -> Iterator[Sent]:
        """Every row of a stage whose message should be in the queue."""
        for pk in partitions(stage):
            for item in self._query(pk):
                row = read_row(item)
                if row is not None and row.death is None:
                    yield Sent(pk, item["sk"]["S"], row.token, row.mid, row.at_ms, row.due_ms, row.sent_ms)

    def names(self, stage: str) -> Iterator[Name]:
        """The keys of everything about a stage."""
        for pk in (*partitions(stage), f"dead#{stage}"):
            for item in self._query(pk):
                yield Name(pk, item["sk"]["S"])

    def delete(self, names: Iterable[Name]) -> None:
        """Delete rows, whatever is there."""
        keys = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in names]
        self._write([{"DeleteRequest": {"Key": key}} for key in keys])

    def _query(
        self, pk: str, more: Mapping[str, tuple[str, dict[str, Any]]] | None = None, forward: bool = True
    ) -> Iterator[dict[str, Any]]:
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        for text, extra in (more or {}).values():
            condition, values = f"{condition} AND {text}", {**values, **extra}
        asked: dict[str, Any] = {
            "TableName": self._table, "KeyConditionExpression": condition, "ExpressionAttributeValues": values,
            "ConsistentRead": True, "ScanIndexForward": forward,
        }  # fmt: skip
        with told(IntentUnavailableError, f"reading {pk} of {self._table}"):
            while True:
                answer = self._clients.dynamodb.query(**asked)
                yield from answer["Items"]
                if not answer.get("LastEvaluatedKey"):
                    return
                asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def save_hand(self, owner: str, held: Sequence[Sequence[object]], until_ms: int, before: int) -> int:
        """What *owner* holds from now on, in one write; it stood in *before* rows, and stands in as many as are returned."""
        rows = handed.rows(owner, held, until_ms // 1000 + _GONE_MARGIN_S)
        over = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in handed.names(owner, len(rows), before)]
        puts: list[dict[str, Any]] = [{"PutRequest": {"Item": row}} for row in rows]
        self._write(puts + [{"DeleteRequest": {"Key": key}} for key in over])
        return len(rows)

    def hand(self, owner: str) -> list[Any]:
        """What *owner* held when it last exchanged anything."""
        (name,) = handed.names(owner, 0, 1)
        return [held for item in self._query(name.pk) for held in handed.read(item, owner)]

    def hands(self) -> Iterator[Any]:
        """What anybody holds."""
        for shard in range(handed.SHARDS):
            for item in self._query(f"hand#{shard}"):
                yield from handed.read(item)

    def looks(self, stages: Sequence[str]) -> dict[str, tuple[tuple[Look, ...], int | None]]:
        """What earlier comparisons found, and the earliest that anything then there was sent; by stage."""
        found = {}
        for item in self._get([{"pk": {"S": "look"}, "sk": {"S": stage}} for stage in stages]):
            try:
                looks = tuple(Look(*map(int, each)) for each in json.loads(item["looks"]["S"]))
                oldest = int(item["oldest"]["N"]) if "oldest" in item else None
            except (KeyError, ValueError, TypeError):
                continue  # nobody here wrote that: look anew
            found[item["sk"]["S"]] = (looks, oldest)
        return found

    def save_looks(self, stage: str, looks: Sequence[Look], oldest_ms: int | None) -> None:
        """Remember what was found, for whichever process looks next."""
        found = ascii_json([list(look) for look in looks])
        item: dict[str, Any] = {"pk": {"S": "look"}, "sk": {"S": stage}, "looks": {"S": found}}
        if oldest_ms is not None:
            item["oldest"] = {"N": str(oldest_ms)}
        self._write([{"PutRequest": {"Item": item}}])


def _said(statement: str, *texts: str) -> dict[str, Any]:
    return {"Statement": statement, "Parameters": [{"S": text} for text in texts]}


def _quoted(name: str) -> str:
    return f'"{name}"'


def _seconds(epoch_ms: int) -> dict[str, str]:
    return {"N": str(epoch_ms // 1000 + 1)}


def _apart(notes: Sequence[Note]) -> Iterator[list[Note]]:
    """Batches in which no row is named twice: what is said later of a row is also done later."""
    batch: list[Note] = []
    named: set[Name] = set()
    for note in notes:
        if len(batch) == WRITE_BATCH or note.name in named:
            yield batch
            batch, named = [], set()
        batch.append(note)
        named.add(note.name)
    if batch:
        yield batch
