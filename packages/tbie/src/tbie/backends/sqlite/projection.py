"""What is stored at a few places of many items' facts, without reading the rest of them.

The facts of an item are some kilobytes of JSON; to decide again about a million items, a dozen values of each are enough.
SQLite takes them out, and a page of them is parsed as one text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tbie.backends.sqlite.database import Database
from tbie.core.keys import ItemKey


def project(
    database: Database, paths: Sequence[tuple[str, ...]], tenant: str | None, after: ItemKey | None, limit: int
) -> list[tuple[ItemKey, list[Any]]]:
    """As ``TruthStore.project``."""
    stages = list(dict.fromkeys(path[0] for path in paths))
    asked = {stage: [index for index, path in enumerate(paths) if path[0] == stage] for stage in stages}
    columns, joins, parameters = [], [], list[Any]()
    for number, stage in enumerate(stages):
        places = [_place(paths[index]) for index in asked[stage]]
        places += places[:1] if len(places) == 1 else []  # of two places and more the answer is an array
        columns.append(f", json_extract(s{number}.facts{', ?' * len(places)})")
        parameters += places
        joins.append(
            f" LEFT JOIN stage s{number} ON s{number}.item_id = i.id AND s{number}.stage = ? AND s{number}.state = 'completed'"
        )
    parameters += [*stages, *(after or ("", ""))]
    where = " WHERE (i.tenant, i.item) > (?, ?)"
    if tenant is not None:
        where += " AND i.tenant = ?"
        parameters.append(tenant)
    sql = f"SELECT i.tenant, i.item{''.join(columns)} FROM item i{''.join(joins)}{where} ORDER BY i.tenant, i.item LIMIT ?"
    rows = database.read(sql, (*parameters, limit))
    page = ",".join(f"[{','.join([found or 'null' for found in row[2:]])}]" for row in rows)
    order = [asked[stage] for stage in stages]
    return [
        (ItemKey(row[0], row[1]), _in_order(found, order, len(paths)))
        for row, found in zip(rows, json.loads(f"[{page}]"), strict=True)
    ]


def _place(path: tuple[str, ...]) -> str:
    return "$" + "".join(f'."{name}"' for name in path[1:])


def _in_order(found: list[list[Any] | None], order: list[list[int]], count: int) -> list[Any]:
    values: list[Any] = [None] * count
    for indexes, of_stage in zip(order, found, strict=True):
        if of_stage is not None:
            for index, value in zip(indexes, of_stage, strict=False):
                values[index] = value
    return values
