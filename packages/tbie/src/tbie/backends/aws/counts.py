"""Counts of records by tenant, stage, state and version: changed in the transaction that changes the records, summed when read.

A row of counts that every transaction changed would make all writers meet there, so each count is spread over a few rows, and a
transaction changes one of them. A single row may be below zero; the sum never is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tbie.backends.aws.keys import ascii_key, ascii_name, name_key
from tbie.backends.aws.rows import Attributes

SHARDS_OF_COUNTS = 16
"""Writers that meet in one of them try again in the next. May grow at any time, never shrink."""

_PREFIX = "n:"


def counts_pk(tenant: str) -> str:
    """The partition of ``control`` with a tenant's counts."""
    return f"counts#{name_key(tenant)}"


def count_action(table: str, tenant: str, stage: str, changes: Mapping[str, int], shard: int) -> dict[str, Any]:
    """The action of a transaction that adds *changes*, by ``state|version``, to one row."""
    names, values, adds = {"#s": "stage"}, {":s": {"S": stage}}, []
    for number, (name, n) in enumerate(changes.items()):
        names[f"#{number}"] = _PREFIX + ascii_key(name)
        values[f":{number}"] = {"N": str(n)}
        adds.append(f"#{number} :{number}")
    return {
        "Update": {
            "TableName": table,
            "Key": {"pk": {"S": counts_pk(tenant)}, "sk": {"S": f"{shard:04d}#{name_key(stage)}"}},
            "UpdateExpression": f"SET #s = :s ADD {', '.join(adds)}",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
    }


def counted(found: Iterable[Attributes]) -> Iterator[tuple[str, str, str, int]]:
    """(stage, state, version, n) of every count in rows of one tenant; the same more than once, to be summed."""
    for row in found:
        stage = row["stage"]["S"]
        for name, value in row.items():
            if name.startswith(_PREFIX):
                state, _, version = ascii_name(name[len(_PREFIX) :]).partition("|")
                yield stage, state, version, int(value["N"])
