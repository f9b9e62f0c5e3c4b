"""Many keys in one look-up: a query for a whole batch costs 0.4 × one query for each key (250 keys).

Callers: ``truth`` and ``intent`` of this folder. Keys are bound one by one, not as JSON: SQLite's JSON ends a string at its
first NUL.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator, Sequence

from tbie.core.keys import ItemKey

_CHUNK = 250  # bounds a statement's length, and how much of Truth a transaction holds in memory at once


def wanted(count: int) -> str:
    """A ``WITH`` clause that names *count* keys ``wanted(tenant, item)``.

    Join to it with ``CROSS JOIN``, so that the keys drive: the planner might scan the table once for each of them.
    """
    return f"WITH wanted(tenant, item) AS (VALUES {','.join(['(?,?)'] * count) or '(NULL,NULL)'})"


def flat(keys: Sequence[ItemKey]) -> tuple[str, ...]:
    """The parameters that ``wanted`` leaves open."""
    return tuple(itertools.chain.from_iterable(keys))


def chunks(keys: Sequence[ItemKey]) -> Iterator[Sequence[ItemKey]]:
    """*keys* in bounded pieces."""
    for first in range(0, len(keys), _CHUNK):
        yield keys[first : first + _CHUNK]


def known_keys(connection: sqlite3.Connection, keys: Sequence[ItemKey]) -> set[ItemKey]:
    """Those of *keys* that there are items of."""
    sql = " SELECT i.tenant, i.item FROM wanted w CROSS JOIN item i ON i.tenant = w.tenant AND i.item = w.item"
    return {
        ItemKey(*row) for chunk in chunks(keys) for row in connection.execute(wanted(len(chunk)) + sql, flat(chunk))
    }
