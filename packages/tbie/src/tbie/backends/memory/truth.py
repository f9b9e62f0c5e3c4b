"""Truth in memory: the shortest correct implementation of the protocol. Nothing survives the process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from tbie import history, lifecycle
from tbie.backends.memory.registry import Registry, json_copy
from tbie.core.cause import Cause
from tbie.core.clock import Clock
from tbie.core.errors import FencedError
from tbie.core.ids import Ids
from tbie.core.keys import ItemKey
from tbie.projection import value_at
from tbie.truth import (
    QUARANTINED,
    Command,
    Committed,
    Document,
    FactPath,
    FailedStage,
    HistoryEntry,
    Item,
    NewItem,
    OpenStage,
    Refused,
    Result,
    Settle,
    StageState,
    Story,
)
from tbie.workflow import Workflow


class MemoryTruth(Registry):
    """A ``TruthStore`` in dictionaries, guarded by one lock."""

    def __init__(self, workflow: Workflow, clock: Clock, ids: Ids) -> None:
        self.workflow = workflow  # a simulation sets it to that of whoever calls: two versions may share a store
        super().__init__(clock)
        self._ids = ids
        self._items: dict[ItemKey, Item] = {}
        self._history: list[HistoryEntry] = []
        self._of: dict[ItemKey, list[HistoryEntry]] = {}
        self._cursors: dict[str, int] = {}

    # -- items

    def add(self, items: Sequence[NewItem], cause: Cause) -> list[bool]:
        with self._transaction():
            return [self._add(item, cause) for item in items]

    def _add(self, new: NewItem, cause: Cause) -> bool:
        if new.key in self._items:
            return False
        now = self._clock.now_ms()
        records = lifecycle.added(new.key.tenant, self.workflow, now, self._ids)
        item = Item(new.key, new.address, {}, now, {})
        self._store(item, lifecycle.Change(records, cause, new.address, new.attributes))
        return True

    def commit(self, commands: Sequence[Command], fence: Document | None = None) -> list[Result]:
        with self._transaction():
            held = self._documents.get((fence.kind, fence.name)) if fence is not None else None
            if fence is not None and (held is None or held.revision != fence.revision):
                raise FencedError(f"{fence.kind} {fence.name!r} is not at revision {fence.revision} any more")
            results: list[Result] = []
            for command in commands:
                result = self._apply(command)
                results.append(result)
                if isinstance(result, Committed) and isinstance(command, Settle):
                    for reset in lifecycle.invalidations(command, result):
                        self._apply(reset)
            return results

    def restore(self, stories: Sequence[Story]) -> list[bool]:
        with self._transaction():
            return [self._restore(story) for story in stories]

    def _restore(self, story: Story) -> bool:
        key = story.item.key
        if key in self._items:
            return False
        self._undo.setdefault(key, None)
        for entry in story.entries:
            before, after = json_copy(entry.before), json_copy(entry.after)
            assert before is not None
            assert after is not None
            copied = entry._replace(seq=len(self._history) + 1, key=key, before=before, after=after)
            self._history.append(copied)
            self._of.setdefault(key, []).append(copied)
        records = (
            r._replace(evidence=json_copy(r.evidence), facts=json_copy(r.facts)) for r in story.item.stages.values()
        )
        attributes = json_copy(story.item.attributes)
        assert attributes is not None
        self._items[key] = replace(story.item, attributes=attributes, stages={r.stage: r for r in records})
        return True

    def _apply(self, command: Command) -> Result:
        item = self._items.get(command.key)
        if item is None:
            return Refused("no_such_item")
        change = lifecycle.apply(item, command, self.workflow, self._clock.now_ms(), self._ids)
        if isinstance(change, Refused):
            return change
        self._store(item, change)
        return Committed(change.records)

    def _store(self, item: Item, change: lifecycle.Change) -> None:
        records = [r._replace(evidence=json_copy(r.evidence), facts=json_copy(r.facts)) for r in change.records]
        attributes = json_copy(change.attributes)
        before = {r.stage: history.brief(item.stages[r.stage]) for r in records if r.stage in item.stages}
        after: dict[str, object] = {r.stage: history.plain(r) for r in records}
        if change.address is not None:
            after["@item"] = {"address": list(change.address), "attributes": attributes}
        seq = len(self._history) + 1
        self._undo.setdefault(item.key, self._items.get(item.key))
        entry = HistoryEntry(seq, item.key, self._clock.now_ms(), change.cause, before, after)
        self._history.append(entry)
        self._of.setdefault(item.key, []).append(entry)
        self._items[item.key] = replace(
            item,
            stages={**item.stages, **{r.stage: r for r in records}},
            address=change.address or item.address,
            attributes=item.attributes if attributes is None else attributes,
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, as in a store on disk: an exception inside leaves no trace."""
        with self._lock:
            length = len(self._history)
            self._undo: dict[ItemKey, Item | None] = {}
            try:
                yield
            except BaseException:
                for entry in self._history[length:]:
                    self._of[entry.key].pop()
                del self._history[length:]
                for key, item in self._undo.items():
                    if item is None:
                        self._items.pop(key, None)
                    else:
                        self._items[key] = item
                raise

    def get(self, keys: Sequence[ItemKey]) -> list[Item | None]:
        with self._lock:
            return [self._items.get(key) for key in keys]

    def items(self, tenant: str | None = None, after: ItemKey | None = None, limit: int = 500) -> list[Item]:
        with self._lock:
            keys = sorted(k for k in self._items if (tenant is None or k.tenant == tenant) and (not after or k > after))
            return [self._items[key] for key in keys[:limit]]

    def project(
        self,
        paths: Sequence[FactPath],
        tenant: str | None = None,
        after: ItemKey | None = None,
        limit: int = 500,
    ) -> list[tuple[ItemKey, list[Any]]]:
        return [(i.key, [value_at(i, path) for path in paths]) for i in self.items(tenant, after, limit)]

    # -- the change stream

    def opened_since(self, seq: int, limit: int) -> tuple[list[OpenStage], int]:
        with self._lock:
            entries = self._history[seq : seq + limit]
            keys = dict.fromkeys(entry.key for entry in entries)
            opened = [o for key in keys for o in self._open_of(self._items[key])]
            return opened, entries[-1].seq if entries else seq

    def history(self, key: ItemKey) -> list[HistoryEntry]:
        with self._lock:
            return list(self._of.get(key, ()))

    def changes_since(self, seq: int) -> list[HistoryEntry]:
        """Every change after number *seq*: for a simulation's checkers."""
        return self._history[seq:]

    def everything(self) -> dict[ItemKey, Item]:
        """The items themselves: for simulations, which write rows behind everybody's back."""
        return self._items

    def last_seq(self) -> int:
        with self._lock:
            return len(self._history)

    def mark(self) -> int:
        return self.last_seq()

    def cursor(self, name: str) -> int:
        return self._cursors.get(name, 0)

    def save_cursor(self, name: str, seq: int) -> None:
        self._cursors[name] = seq

    # -- open work

    def open_stages(self, stage: str, after: OpenStage | None, limit: int) -> list[OpenStage]:
        with self._lock:
            rows = [o for item in self._items.values() for o in self._open_of(item) if o.stage == stage]
            rows.sort(key=lambda o: (o.since_ms, o.key))
            return [o for o in rows if after is None or (o.since_ms, o.key) > (after.since_ms, after.key)][:limit]

    def at_barrier(self, stage: str, limit: int, after: tuple[ItemKey, int] | None = None) -> list[tuple[ItemKey, int]]:
        with self._lock:
            found = []
            for item in self._items.values():
                record = item.stages.get(stage)
                if record and record.state is StageState.WAITING and record.reason == lifecycle.BARRIER:
                    found.append((item.key, record.since_ms))
            found.sort(key=lambda row: row[::-1])
            return [row for row in found if after is None or row[::-1] > after[::-1]][:limit]

    def tally(self, tenant: str | None = None) -> Mapping[tuple[str, str, StageState], int]:
        with self._lock:
            return Counter(
                (item.key.tenant, record.stage, record.state)
                for item in self._items.values()
                if tenant is None or item.key.tenant == tenant
                for record in item.stages.values()
            )

    def failed_stages(
        self, stage: str, budget: int, before_ms: int, limit: int, after: FailedStage | None = None
    ) -> list[FailedStage]:
        with self._lock:
            rows = [
                FailedStage(item.key, stage, r.token, r.reason or "", r.resets, r.updated_ms)
                for item in self._items.values()
                if (r := item.stages.get(stage)) is not None
                and (r.state is StageState.FAILED and r.retriable and r.reason not in QUARANTINED)
                and (r.resets < budget and r.updated_ms <= before_ms)
            ]
        rows.sort(key=_failed_order)
        return [row for row in rows if after is None or _failed_order(row) > _failed_order(after)][:limit]

    def versions(self, tenant: str | None = None) -> Mapping[tuple[str, str, str], int]:
        with self._lock:
            return Counter(
                (item.key.tenant, record.stage, record.version)
                for item in self._items.values()
                for record in item.stages.values()
                if record.state is StageState.COMPLETED and tenant in (None, item.key.tenant)
            )

    def oldest_open_ms(self, stage: str) -> int | None:
        rows = self.open_stages(stage, None, 1)
        return rows[0].since_ms if rows else None

    def _open_of(self, item: Item) -> list[OpenStage]:
        return [
            OpenStage(
                item.key,
                r.stage,
                r.version,
                r.generation,
                r.token,
                r.since_ms,
                r.not_before_ms,
                r.attempts,
                item.address,
                r.reason,
            )
            for r in item.stages.values()
            if r.state is StageState.PENDING
        ]

    # -- registry

    def tenants(self) -> list[str]:
        with self._lock:
            return sorted({key.tenant for key in self._items})

    def close(self) -> None:
        """Nothing to let go of."""


def _failed_order(row: FailedStage) -> tuple[int, int, ItemKey]:
    return row.resets, row.updated_ms, row.key
