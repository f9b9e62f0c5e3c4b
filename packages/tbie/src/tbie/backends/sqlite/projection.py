"""What is stored at a few places of many items' facts, without reading the rest of them.

The facts of an item are some kilobytes of JSON; to decide again about a million items, a dozen values of each are enough.
SQLite takes them out, and a page of them is parsed as one text. Items come in the order in which they were added, because
their rows lie in that order: in the order of keys each row would be a page of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tbie.backends.sqlite.database import Database
from tbie.core.keys import ItemKey
from tbie.truth import FactPath


def project(
    database: Database, paths: Sequence[FactPath], tenant: str | None, after: ItemKey | None, limit: int
) -> list[tuple[ItemKey, list[Any]]]:
    """As ``TruthStore.project``."""
    stages = list(dict.fromkeys(path[0] for path in paths))
    asked = [[index for index, path in enumerate(paths) if path[0] == stage] for stage in stages]
    columns, joins, parameters = [], [], list[Any]()
    for number, indexes in enumerate(asked):
        places = [_place(paths[index]) for index in indexes]
        columns.append(
            f", json_extract(s{number}.facts{', ?' * len(places)})" if len(places) > 1 else f", s{number}.facts -> ?"
        )
        parameters += places
        joins.append(
            f" LEFT JOIN stage s{number} ON s{number}.item_id = i.id AND s{number}.stage = ? AND s{number}.state = 'completed'"
        )
    parameters += [*stages, _position(database, after)]
    # the + keeps SQLite from reading the index of keys, in whose order the rows lie scattered
    where = " WHERE i.id > ?" + (" AND +i.tenant = ?" if tenant is not None else "")
    sql = f"SELECT i.tenant, i.item{''.join(columns)} FROM item i{''.join(joins)}{where} ORDER BY i.id LIMIT ?"
    rows = database.read(sql, (*parameters, *([tenant] if tenant is not None else []), limit))
    shapes = [(len(indexes) > 1, ",".join(["null"] * len(indexes))) for indexes in asked]
    texts = [",".join(map(_inside, row[2:], shapes)) for row in rows]
    found = json.loads(f"[[{'],['.join(texts)}]]") if texts else []
    order = [index for indexes in asked for index in indexes]
    if order != sorted(order):
        place = {index: here for here, index in enumerate(order)}
        found = [[values[place[index]] for index in range(len(order))] for values in found]
    return [(ItemKey(row[0], row[1]), values) for row, values in zip(rows, found, strict=True)]


def _inside(text: str | None, shape: tuple[bool, str]) -> str:
    """The values of one stage as JSON, without the brackets around several; as many nulls where there is no such stage."""
    several, nothing = shape
    if not text:
        return nothing
    return text[1:-1] if several else text


def _position(database: Database, after: ItemKey | None) -> int:
    if after is None:
        return -1
    rows = database.read("SELECT id FROM item WHERE tenant=? AND item=?", after)
    return int(rows[0][0]) if rows else -1


def _place(path: FactPath) -> str:
    """A path as SQLite writes it."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f'."{part}"' for part in path[1:])
