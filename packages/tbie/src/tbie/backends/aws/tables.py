"""The tables as data, how they are made, and what is wrong with those that are there.

What each row means is written where it is written: ``rows`` (items, history), ``entries`` (open), ``registry`` (control); the
register belongs to Intent. The infrastructure creates the same tables from the same data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tbie.backends.aws.client import MISSING, ClientError, Clients, code_of, told
from tbie.backends.aws.place import TABLES
from tbie.core.errors import TruthUnavailableError

PARTITION, SORT = "pk", "sk"
"""The two halves of every key, both strings. One shape for all tables: what differs is what is written into them."""

TTL = "gone_s"
"""Epoch seconds after which a row may be deleted by DynamoDB itself, where a table has that attribute."""

OF_TRUTH = ("items", "history", "open", "control")


@dataclass(frozen=True, slots=True)
class Table:
    """What has to be declared of one table. All are billed by request, encrypted by the service, and keyed alike."""

    name: str
    stream: str | None = None
    """The view of its change stream; None: it has none."""
    expires: bool = False
    """Whether rows may carry ``TTL``."""
    durable: bool = True
    """Whether it holds what cannot be derived again: recovered to any second, and not deleted by accident."""


SCHEMA = (
    Table("items"),
    Table("history"),
    Table("open", stream="NEW_IMAGE"),
    Table("control", expires=True),
    Table("register", expires=True, durable=False),
)
assert tuple(table.name for table in SCHEMA) == TABLES


def definition(table: Table, name: str) -> dict[str, Any]:
    """The arguments of ``CreateTable`` for *table* under its full *name*."""
    asked: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": half, "AttributeType": "S"} for half in (PARTITION, SORT)],
        "KeySchema": [
            {"AttributeName": PARTITION, "KeyType": "HASH"},
            {"AttributeName": SORT, "KeyType": "RANGE"},
        ],
    }
    if table.stream is not None:
        asked["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream}
    return asked


def create_tables(clients: Clients, names: Sequence[str] = TABLES) -> list[str]:
    """Make the tables of *clients*' place that are missing, wait until they can be used, and return their full names.

    Tables that exist are left alone, also where they are not what is wanted: ``problems`` tells.

    Raises:
        TruthUnavailableError: AWS refuses.
    """
    made = []
    wanted = [table for table in SCHEMA if table.name in names]
    for table in wanted:
        name = clients.place.table(table.name)
        with told(TruthUnavailableError, f"creating table {name}"):
            try:
                clients.dynamodb.create_table(**definition(table, name))
                made.append(name)
            except ClientError as refused:
                if code_of(refused) != "ResourceInUseException":
                    raise
    for table in wanted:
        name = clients.place.table(table.name)
        with told(TruthUnavailableError, f"waiting for table {name}"):
            if name in made and _described(clients, name)["TableStatus"] != "ACTIVE":
                clients.dynamodb.get_waiter("table_exists").wait(
                    TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 60}
                )
            if name in made and table.expires:
                clients.dynamodb.update_time_to_live(
                    TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL}
                )
    return made


def problems(clients: Clients, names: Sequence[str] = OF_TRUTH) -> list[str]:
    """What is wrong with the tables as they are, one sentence for each: missing, keyed otherwise, without their stream.

    Raises:
        TruthUnavailableError: AWS does not say (denied, away, expired credentials).
    """
    found: list[str] = []
    for table in SCHEMA:
        if table.name not in names:
            continue
        name = clients.place.table(table.name)
        with told(TruthUnavailableError, f"looking at table {name}"):
            try:
                found += wrong(table, name, _described(clients, name))
            except ClientError as refused:
                if code_of(refused) not in MISSING:
                    raise
                place = clients.place
                found.append(
                    f"table {name} does not exist in {place.region}: deploy the tables, or look at region and prefix"
                )
    return found


def wrong(table: Table, name: str, described: dict[str, Any]) -> list[str]:
    """What differs between *table* and what AWS says of it. Pure."""
    found = []
    keys = [(key["AttributeName"], key["KeyType"]) for key in described.get("KeySchema", [])]
    types = {each["AttributeName"]: each["AttributeType"] for each in described.get("AttributeDefinitions", [])}
    if keys != [(PARTITION, "HASH"), (SORT, "RANGE")] or types.get(PARTITION) != "S" or types.get(SORT) != "S":
        found.append(f"table {name} has another key than ({PARTITION}, {SORT}), both strings: it is not one of ours")
    stream = described.get("StreamSpecification", {})
    if table.stream and not (stream.get("StreamEnabled") and stream.get("StreamViewType") == table.stream):
        found.append(f"table {name} has no {table.stream} stream: switch it on (changes are seen by the sweep only)")
    if described.get("TableStatus") not in {"ACTIVE", "UPDATING"}:
        found.append(f"table {name} is {described.get('TableStatus')}: wait until it is ACTIVE")
    return found


def _described(clients: Clients, name: str) -> dict[str, Any]:
    table: dict[str, Any] = clients.dynamodb.describe_table(TableName=name)["Table"]
    return table
