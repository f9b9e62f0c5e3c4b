"""Pages over several partitions: what is spread over shards comes back in one order, without reading more than is asked for."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice

from tbie.backends.aws.dynamo import Dynamo
from tbie.backends.aws.keys import SHARDS, item_pk, open_pk, sort_key
from tbie.backends.aws.rows import Attributes
from tbie.core.keys import ItemKey

_MORE = 4
"""What is asked of each shard beyond its share: shards are seldom equal."""


def merged(dynamo: Dynamo, table: str, pks: list[str], after: str | None, limit: int) -> list[Attributes]:
    """The first *limit* rows after *after* of several partitions, in the order of their sort keys."""
    share = max(1, min(limit, -(-limit // len(pks)) + _MORE))
    shards = [dynamo.query(table, pk, after, page=share) for pk in pks]
    return list(islice(heapq.merge(*shards, key=lambda row: _bytes(row["sk"]["S"])), limit))


def _bytes(sort: str) -> bytes:
    return sort.encode()


def index_page(dynamo: Dynamo, kind: str, stage: str, after: str | None, limit: int) -> list[Attributes]:
    """A page of index rows, oldest first."""
    return merged(dynamo, "open", [open_pk(kind, stage, shard) for shard in range(SHARDS)], after, limit)


def failed_page(
    dynamo: Dynamo, kind: str, stage: str, budget: int, before_ms: int, after: str | None, limit: int
) -> list[Attributes]:
    """A page of failures by (resets, age) with fewer than *budget* resets, none younger than *before_ms*."""
    share = max(1, min(limit, -(-limit // SHARDS) + _MORE))
    shards = [_rested(dynamo, open_pk(kind, stage, shard), budget, before_ms, after, share) for shard in range(SHARDS)]
    return list(islice(heapq.merge(*shards, key=lambda row: _bytes(row["sk"]["S"])), limit))


def _rested(dynamo: Dynamo, pk: str, budget: int, before_ms: int, after: str | None, page: int) -> Iterator[Attributes]:
    """Rows of one shard. Within one number of resets they come by age: after the first too young one comes the next number."""
    below = f"{max(0, budget):06d}"
    while True:
        for row in dynamo.query("open", pk, after, below, page):
            resets, since, _ = row["sk"]["S"].split("#")
            if int(since) > before_ms:
                after = f"{resets}~"  # beyond all of that number
                break
            yield row
        else:
            return


def items_page(dynamo: Dynamo, tenant: str, after: ItemKey | None, limit: int) -> list[Attributes]:
    """A page of the rows of one tenant's items, in the order of their names."""
    start = sort_key(after.item) if after is not None and after.tenant == tenant else None
    return merged(dynamo, "items", [item_pk(tenant, shard) for shard in range(SHARDS)], start, limit)
