"""From files to items: identity, address, and what adding a file again means.

An image is identified by its tenant and path. The same path with other bytes is the same item, replayed from the start;
the same bytes at another path are another item, and the *group* stage says that they are duplicates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from parjanya.catalog.paths import path_to_key
from tbie.core.cause import Cause
from tbie.core.errors import TruthUnavailableError
from tbie.core.keys import Address, ItemKey
from tbie.truth import Command, Committed, Item, NewItem, Refused, Reset, StageState, TruthStore, Update
from tbie.workflow import Workflow

BUCKET = "file"
GROUP = 200
"""Files added in one transaction: one fsync for all of them, and a lock of about 10 ms."""
_RACES = 5
"""How often an item may be replaced by others while it is taken in here: two uploads of one name are told at the same time."""
_REPLACED = Refused("superseded")


@dataclass(frozen=True, slots=True)
class Found:
    """A file that looks like an image, as the file system describes it."""

    path: Path
    size: int
    mtime_ns: int

    def item(self, tenant: str) -> NewItem:
        """The item this file is."""
        key = path_to_key(self.path)
        attributes = {"path": key, "size": self.size, "mtime_ns": self.mtime_ns}
        return NewItem(ItemKey(tenant, item_id(key)), Address(BUCKET, key), attributes)


@dataclass(slots=True)
class Ingested:
    """What adding files did."""

    added: int = 0
    changed: int = 0
    retried: int = 0
    known: int = 0
    keys: list[ItemKey] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    """(path, what is wrong) of what could not be taken in; that is only said here."""


def item_id(key: str) -> str:
    """Sixteen hexadecimal digits that name the file at *key* within its tenant."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def ingest(
    truth: TruthStore,
    workflow: Workflow,
    tenant: str,
    files: Iterable[Found],
    who: str,
    between: Callable[[Ingested], object] = lambda _: None,
) -> Ingested:
    """Add files; replay those that changed since, and those that failed for a reason that may have gone away.

    *between* is called after each group: work on the first files begins while the last ones are still being found.
    """
    done = Ingested()
    iterator = iter(files)
    while group := list(islice(iterator, GROUP)):
        take_in(truth, workflow, [file.item(tenant) for file in group], who, done)
        between(done)
    return done


def take_in(
    truth: TruthStore, workflow: Workflow, items: Sequence[NewItem], who: str, done: Ingested, *, again: bool = True
) -> None:
    """Add *items* in one transaction and count in *done*; replay those that changed and, unless *again* is false, those that
    failed for a reason that may have gone away.
    """
    done.keys += [item.key for item in items]
    added = truth.add(items, Cause(who, "ingested"))
    done.added += sum(added)
    there = [item for item, new in zip(items, added, strict=True) if not new]
    done.known += len(there)
    for _ in range(_RACES):
        there = _renew(truth, workflow, there, who, done, again)
        if not there:
            return
    raise TruthUnavailableError(
        f"{there[0].key.item!r} of {there[0].key.tenant!r} was replaced {_RACES} times while it was taken in; take it in again"
    )


def _renew(
    truth: TruthStore, workflow: Workflow, there: Sequence[NewItem], who: str, done: Ingested, again: bool
) -> list[NewItem]:
    """Replay those of *there* that need it; those whose source somebody else replaced meanwhile, to be looked at again."""
    commands: list[tuple[NewItem, Command]] = []
    for item, old in zip(there, truth.get([item.key for item in there]), strict=True):
        if old is None:
            continue
        if _changed(old, item):
            why = Cause(who, "the file has changed")
            commands.append((item, Update(item.key, item.address, item.attributes, why, only_at=old.address)))
        elif again and old.address == item.address and (stage := _worth_another_try(old, workflow)) is not None:
            reset = Reset(item.key, stage, Cause(who, "run again after a failure"), (StageState.FAILED,))
            commands.append((item, reset))
    late = []
    results = truth.commit([command for _, command in commands]) if commands else []
    for (item, command), result in zip(commands, results, strict=True):
        if isinstance(command, Update) and result == _REPLACED:
            late.append(item)
            continue
        done.known -= 1
        if isinstance(result, Committed):
            done.changed += isinstance(command, Update)
            done.retried += isinstance(command, Reset)
    return late


def _changed(old: Item, new: NewItem) -> bool:
    """Whether *new* takes the place of what was taken in before.

    Of two uploads the newer one counts, whoever tells last; of two in the same second, what is told last.
    """
    was_ms, is_ms = old.attributes.get("uploaded_ms"), new.attributes.get("uploaded_ms")
    if isinstance(was_ms, int) and isinstance(is_ms, int):
        return old.address != new.address and is_ms >= was_ms
    return dict(old.attributes) != dict(new.attributes)


def _worth_another_try(item: Item, workflow: Workflow) -> str | None:
    for stage in workflow.stages:
        record = item.stages.get(stage.name)
        if record is not None and record.state is StageState.FAILED:
            return stage.name if record.retriable else None
    return None
