"""Truth in DynamoDB: items, history, open work and small records in four tables.

One row for each item, with everything about it; one history entry for each change; index rows for what is open. All that a
command changes is written in one transaction, so nothing is ever half done, and a writer that was overtaken decides again on
what is there. Why it is laid out like this: docs/adr/0027-truth-in-dynamodb.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, cast

from tbie.backends.aws import entries, rows
from tbie.backends.aws.client import Clients
from tbie.backends.aws.dynamo import Dynamo
from tbie.backends.aws.keys import BESIDE, SHARDS, aged, digest, history_pk, item_key, item_pk, shard_of, sort_key
from tbie.backends.aws.plan import Adding, Job, Restoring, key_of, mark
from tbie.backends.aws.reading import failed_page, index_page, items_page
from tbie.backends.aws.registry import Registry
from tbie.backends.aws.rows import Attributes
from tbie.backends.aws.shards import Place
from tbie.backends.aws.stream import StreamReader
from tbie.backends.aws.tables import problems
from tbie.backends.aws.writer import Writer, fetch
from tbie.core.cause import Cause
from tbie.core.clock import Clock
from tbie.core.errors import TruthUnavailableError
from tbie.core.ids import Ids
from tbie.core.keys import ItemKey
from tbie.projection import value_at
from tbie.truth import (
    Command,
    Document,
    FactPath,
    FailedStage,
    HistoryEntry,
    Item,
    NewItem,
    OpenStage,
    Result,
    Story,
)
from tbie.workflow import Workflow


class DynamoTruth(Registry):
    """A ``TruthStore`` in DynamoDB. Safe to use from several threads, processes and machines.

    Args:
        check: look at the tables first, four calls: a wrong place is one clear error at the start. A function that is
            started for each event leaves it out.

    Raises:
        TruthUnavailableError: a table is missing or is not what it should be.
    """

    def __init__(self, clients: Clients, workflow: Workflow, clock: Clock, ids: Ids, check: bool = True) -> None:
        if check and (found := problems(clients)):
            raise TruthUnavailableError("; ".join(found))
        super().__init__(Dynamo(clients), clock)
        self._writer = Writer(self._dynamo, workflow, clock, ids, self._fence_action, self._is_standing)
        self._writer.prepare = self._meet_all
        self._reader = StreamReader(clients, clients.place.table("open"), clock)

    # -- items

    def add(self, items: Sequence[NewItem], cause: Cause) -> list[bool]:
        """Add items; False where the key exists already. All of one item is one transaction, and about 20 items share one."""
        return cast("list[bool]", self._writer.run([Adding(item, cause) for item in items]))

    def restore(self, stories: Sequence[Story]) -> list[bool]:
        """As the protocol has it. A history of more than 40 changes is written ahead of its item, in pieces."""
        return cast("list[bool]", self._writer.run([Restoring(story) for story in stories]))

    def commit(self, commands: Sequence[Command], fence: Document | None = None) -> list[Result]:
        """Apply commands in order; each, with what it invalidates, in one transaction that it shares with others."""
        return cast("list[Result]", self._writer.run(commands, fence))

    def _meet_all(self, jobs: Sequence[Job]) -> None:
        self._meet(key_of(job).tenant for job in jobs if isinstance(job, Adding | Restoring))

    def get(self, keys: Sequence[ItemKey]) -> list[Item | None]:
        found = self._dynamo.get("items", [item_key(key) for key in keys])
        read = {item.key: item for item in self._whole(list(found.values()))}
        return [read.get(key) for key in keys]

    def items(self, tenant: str | None = None, after: ItemKey | None = None, limit: int = 500) -> list[Item]:
        found: list[Attributes] = []
        for name in self._tenants_from(tenant, after):
            found += items_page(self._dynamo, name, after, limit - len(found))
            if len(found) >= limit:
                break
        return self._whole(found)

    def _tenants_from(self, tenant: str | None, after: ItemKey | None) -> list[str]:
        names = self.tenants() if tenant is None else [tenant]
        return [name for name in names if after is None or name >= after.tenant]

    def _whole(self, found: Sequence[Attributes]) -> list[Item]:
        """Items from their rows, with what was spilled."""
        spilled = [(rows.key_of(row), row) for row in found if rows.places(row, rows.ALL)]
        fetched = fetch(self._dynamo, spilled, rows.ALL)
        return [rows.item(rows.stored(row, True, fetched), fetched) for row in found]

    def project(
        self,
        paths: Sequence[FactPath],
        tenant: str | None = None,
        after: ItemKey | None = None,
        limit: int = 500,
    ) -> list[tuple[ItemKey, list[Any]]]:
        """As the protocol has it. The order is that of tenants, then of their shards, then of names."""
        found = self._whole(list(islice(self._by_shard(tenant, after, limit), limit)))
        return [(item.key, [value_at(item, path) for path in paths]) for item in found]

    def _by_shard(self, tenant: str | None, after: ItemKey | None, limit: int) -> Iterator[Attributes]:
        for name in self._tenants_from(tenant, after):
            begun = after is not None and after.tenant == name
            first = shard_of(digest(after)) if after is not None and begun else 0
            for shard in range(first, SHARDS):
                start = sort_key(after.item) if after is not None and begun and shard == first else None
                yield from self._dynamo.query("items", item_pk(name, shard), start, page=limit)

    def history(self, key: ItemKey) -> list[HistoryEntry]:
        found = list(self._dynamo.query("history", history_pk(key), below=BESIDE))
        fetched = fetch(self._dynamo, [(key, row) for row in found], rows.ALL)
        return [rows.history_entry(key, row, fetched) for row in found]

    # -- the change stream

    def opened_since(self, seq: int, limit: int) -> tuple[list[OpenStage], int]:
        """Stages open now among the changes after *seq*, and the number read up to.

        Numbers are this process's own; ``cursor`` and ``save_cursor`` carry them to another one.
        """
        keys, upto = self._reader.rows_since(seq, limit)
        found = self._dynamo.get("open", keys)
        return [entries.open_stage(found[key]) for key in keys if key in found], upto

    def last_seq(self) -> int:
        """The number of the newest change that the stream shows; changes show there within a second or so."""
        seq, at = (0, None) if self._reader.has_begun else self._furthest_cursor()
        return self._reader.last_seq(seq, Place.of(at) if at is not None else None)

    def mark(self) -> int:
        """By the clock: what others commit in the same millisecond is taken for later."""
        return mark(self._clock.now_ms())

    def cursor(self, name: str) -> int:
        seq, at = self._saved_cursor(name)
        self._reader.saved_at(seq, Place.of(at) if at is not None else None)
        return seq

    def save_cursor(self, name: str, seq: int) -> None:
        place = self._reader.place(seq)
        self._save_cursor(name, seq, place.text() if place is not None else None)

    # -- open work

    def open_stages(self, stage: str, after: OpenStage | None, limit: int) -> list[OpenStage]:
        start = aged(after.since_ms, digest(after.key)) if after is not None else None
        return [entries.open_stage(row) for row in index_page(self._dynamo, entries.OPEN, stage, start, limit)]

    def at_barrier(self, stage: str, limit: int, after: tuple[ItemKey, int] | None = None) -> list[tuple[ItemKey, int]]:
        start = aged(after[1], digest(after[0])) if after is not None else None
        return [entries.waiting(row) for row in index_page(self._dynamo, entries.WAITING, stage, start, limit)]

    def failed_stages(
        self, stage: str, budget: int, before_ms: int, limit: int, after: FailedStage | None = None
    ) -> list[FailedStage]:
        start = None
        if after is not None:
            start = entries.failed_sk(after.resets, after.updated_ms, digest(after.key))
        found = failed_page(self._dynamo, entries.FAILED, stage, budget, before_ms, start, limit)
        return [entries.failed_stage(row) for row in found]

    def oldest_open_ms(self, stage: str) -> int | None:
        found = self.open_stages(stage, None, 1)
        return found[0].since_ms if found else None

    def close(self) -> None:
        """Nothing to let go of: the connections are their maker's."""
