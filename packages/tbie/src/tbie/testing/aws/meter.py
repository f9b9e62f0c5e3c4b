"""Counts what a system asks of DynamoDB, SQS and S3, in the units they are limited and paid by. Works on any server.

Sizes are taken from the requests and answers themselves, by the service's own rules: a write unit is a KB, a read unit is 4 KB
read consistently, both double in a transaction. What a deletion or an update costs depends on the row it finds, which the
request does not show: it is taken to be of one KB at most, as every row that this system deletes or counts in is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

_KB = 1_024


class Meter:
    """Listens to the clients of one place from when it was made.

    ``calls`` by (service, operation), ``writes`` and ``reads`` in units by table, ``entries`` of batches by (service, operation).
    """

    def __init__(self, clients: Any, services: Sequence[str] = ("dynamodb", "sqs", "s3")) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.entries: Counter[tuple[str, str]] = Counter()
        self.writes: Counter[str] = Counter()
        self.reads: Counter[str] = Counter()
        self._prefix = len(clients.place.prefix) + 1
        self._heard = [(clients.of(service).meta.events, service) for service in services]
        for events, service in self._heard:
            events.register(f"provide-client-params.{service}.*", self._asked)
            events.register(f"after-call.{service}.*", self._answered)

    def close(self) -> None:
        """Listen no more: connections outlive a test."""
        for events, service in self._heard:
            events.unregister(f"provide-client-params.{service}.*", self._asked)
            events.unregister(f"after-call.{service}.*", self._answered)

    def reset(self) -> None:
        """Begin anew."""
        for counter in (self.calls, self.entries, self.writes, self.reads):
            counter.clear()

    def _table(self, name: str) -> str:
        return name[self._prefix :]

    def _asked(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        service, operation = str(model.service_model.service_name), str(model.name)
        self.calls[service, operation] += 1
        if "Entries" in params:
            self.entries[service, operation] += len(params["Entries"])
        match operation:
            case "TransactWriteItems":
                self.entries[service, operation] += len(params["TransactItems"])
                for action in params["TransactItems"]:
                    ((_kind, what),) = action.items()
                    self.writes[self._table(what["TableName"])] += 2 * write_units(what.get("Item"))
            case "BatchWriteItem":
                for table, requests in params["RequestItems"].items():
                    self.entries[service, operation] += len(requests)
                    for request in requests:
                        self.writes[self._table(table)] += write_units(request.get("PutRequest", {}).get("Item"))
            case "PutItem" | "UpdateItem" | "DeleteItem":
                self.writes[self._table(params["TableName"])] += write_units(params.get("Item"))
            case _:
                pass

    def _answered(self, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        operation, service = str(model.name), str(model.service_model.service_name)
        match operation:
            case "BatchGetItem":
                for table, rows in parsed.get("Responses", {}).items():
                    self.reads[self._table(table)] += sum(read_units(size_of(row)) for row in rows)
            case "Query" | "Scan":
                self.entries[service, operation] += len(parsed.get("Items", ()))
                self.reads["queries"] += read_units(sum(map(size_of, parsed.get("Items", ()))))
            case "GetItem":
                self.reads["single rows"] += read_units(size_of(parsed.get("Item") or {}))
            case "ReceiveMessage":
                self.entries[service, operation] += len(parsed.get("Messages", ()))
            case _:
                pass


def write_units(row: Mapping[str, Any] | None) -> int:
    """Units that writing *row* costs, outside of a transaction; None: a row that the request does not show."""
    return 1 if row is None else max(1, math.ceil(size_of(row) / _KB))


def read_units(size: int) -> int:
    """Units that reading *size* bytes consistently costs; nothing found costs one too."""
    return max(1, math.ceil(size / (4 * _KB)))


def size_of(row: Mapping[str, Any]) -> int:
    """Bytes of a row: names and values."""
    return sum(len(name.encode()) + _value(value) for name, value in row.items())


def _value(typed: Mapping[str, Any]) -> int:
    ((kind, value),) = typed.items()
    match kind:
        case "S":
            return len(value.encode("utf-8", "surrogatepass"))
        case "N":
            return 1 + math.ceil(len(str(value).lstrip("-")) / 2)
        case "B":
            return len(value)
        case "M":
            return 3 + size_of(value) + len(value)
        case "L":
            return 3 + sum(1 + _value(each) for each in value)
        case _:
            return 1
