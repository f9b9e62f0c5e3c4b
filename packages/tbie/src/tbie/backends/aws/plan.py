"""What a group of commands will write, decided before anything is written, and packed into transactions. Pure.

A transaction of DynamoDB takes 100 actions and 4 MB, and one action for each row. So commands are applied in order to what was
read, the changes of one item are put together, and as many commands as fit share a transaction. A command and what it
invalidates are never torn apart, with one exception: where they need more than one transaction, the surplus of the
invalidations goes *first*. If that is interrupted, stages were begun anew too early, which costs work; the other way round a
contradicted result would stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tbie import lifecycle
from tbie.backends.aws import rows
from tbie.backends.aws.packs import MOST_ACTIONS, Pack, Touched
from tbie.backends.aws.rows import Attributes, Stored
from tbie.core.cause import Cause
from tbie.core.ids import Ids
from tbie.core.keys import ItemKey
from tbie.core.outcome import Completed
from tbie.truth import Command, Committed, Item, NewItem, Refused, Result, Settle, Story
from tbie.workflow import Workflow

SEQ_PER_MS = 1_024
"""Numbers of changes follow the clock, so that those of different items can be compared: ``mark`` lies between them."""

_LATE = 40
"""Entries of a restored history that share the transaction of their item."""

_NO_SUCH_ITEM = Refused("no_such_item")


class Adding(NamedTuple):
    """An item to add, as one of the jobs of a group."""

    item: NewItem
    cause: Cause


class Restoring(NamedTuple):
    """An item of another store to write as it was, as one of the jobs of a group."""

    story: Story


Job = Adding | Restoring | Command


class Plan:
    """Jobs applied one after the other to what was found.

    Args:
        found: every item that ``wanted`` names, None where there is none.
        fenced: whether each transaction also looks at a fence.
        most_actions: of one transaction; fewer than ``MOST_ACTIONS`` where others are in the way.
    """

    def __init__(
        self,
        workflow: Workflow,
        now_ms: int,
        ids: Ids,
        found: Mapping[ItemKey, Stored | None],
        fenced: bool = False,
        most_actions: int = MOST_ACTIONS,
    ) -> None:
        self._workflow, self._now_ms, self._ids = workflow, now_ms, ids
        self._now: dict[ItemKey, Stored | None] = dict(found)
        self._fenced, self._most = fenced, most_actions
        self.packs: list[Pack] = []
        self.results: list[Result | bool] = []

    def apply(self, jobs: Sequence[Job]) -> None:
        """Decide all of *jobs*.

        Raises:
            ValueError, TypeError: something to be stored is not JSON. Nothing was written.
        """
        for job in jobs:
            overlay: dict[ItemKey, Touched] = {}
            self.results.append(self._job(job, overlay))
            if overlay:
                self._place(len(self.results) - 1, overlay, key_of(job))
                self._now.update((key, touched.now) for key, touched in overlay.items())

    def _job(self, job: Job, overlay: dict[ItemKey, Touched]) -> Result | bool:
        if isinstance(job, Adding):
            return self._add(job, overlay)
        if isinstance(job, Restoring):
            key = job.story.item.key
            if self._now.get(key) is not None:
                return False
            overlay[key] = _restored(job.story)
            return True
        return self._command(job, overlay)

    def _add(self, job: Adding, overlay: dict[ItemKey, Touched]) -> bool:
        key = job.item.key
        if self._now.get(key) is not None:
            return False
        records = lifecycle.added(key.tenant, self._workflow, self._now_ms, self._ids)
        change = lifecycle.Change(records, job.cause, job.item.address, job.item.attributes)
        self._change(None, rows.new(key, job.item.address, self._now_ms), change, overlay)
        return True

    def _command(self, command: Command, overlay: dict[ItemKey, Touched]) -> Result:
        result = self._apply(command, overlay)
        if isinstance(result, Committed) and isinstance(command, Settle):
            for reset in lifecycle.invalidations(command, result):
                self._apply(reset, overlay)
        return result

    def _apply(self, command: Command, overlay: dict[ItemKey, Touched]) -> Result:
        mine = overlay.get(command.key)
        old = mine.now if mine is not None else self._now.get(command.key)
        if old is None:
            return _NO_SUCH_ITEM
        item = Item(old.key, old.address, {}, 0, old.records)  # rules of change look at records only
        change = lifecycle.apply(item, command, self._workflow, self._now_ms, self._ids)
        if isinstance(change, Refused):
            return change
        self._change(self._now.get(command.key), old, change, overlay)
        return Committed(change.records)

    def _change(
        self, base: Stored | None, old: Stored, change: lifecycle.Change, overlay: dict[ItemKey, Touched]
    ) -> None:
        written = rows.changed(old, change, self._now_ms, max(old.seq + 1, self._now_ms * SEQ_PER_MS))
        touched = overlay.get(old.key)
        if touched is None:
            overlay[old.key] = Touched(base, written.stored, [written.entry], dict(written.spilled))
        else:
            touched.now = written.stored
            touched.entries.append(written.entry)
            touched.spilled |= written.spilled

    def _place(self, job: int, overlay: dict[ItemKey, Touched], own: ItemKey) -> None:
        """Put the changes of one job into the last transaction if they fit there, or into a new one."""
        if self.packs:
            last = self.packs[-1]
            joined = Pack(last.first, {**last.items, **{key: self._joined(last, t) for key, t in overlay.items()}})
            if joined.fits(self._most, self._fenced):
                self.packs[-1] = joined
                return
        rest = [overlay[key].settle() for key in overlay if key != own]
        pack = Pack(job, {own: overlay[own].settle()} if own in overlay else {})
        surplus: list[Touched] = []
        for touched in rest:
            wider = Pack(job, {**pack.items, touched.now.key: touched})
            if not pack.items or wider.fits(max(self._most, MOST_ACTIONS), self._fenced):
                pack = wider
            else:
                surplus.append(touched)
        self._place_surplus(job, surplus)
        self.packs.append(pack)

    def _place_surplus(self, job: int, surplus: Sequence[Touched]) -> None:
        pack = Pack(job, {})
        for touched in surplus:
            wider = Pack(job, {**pack.items, touched.now.key: touched})
            if pack.items and not wider.fits(MOST_ACTIONS, self._fenced):
                self.packs.append(pack)
                wider = Pack(job, {touched.now.key: touched})
            pack = wider
        if pack.items:
            self.packs.append(pack)

    @staticmethod
    def _joined(pack: Pack, touched: Touched) -> Touched:
        """*touched* together with what *pack* does to that item already."""
        before = pack.items.get(touched.now.key)
        if before is None:
            return touched.settle()
        both = [*before.entries, *touched.entries]
        return Touched(before.base, touched.now, both, {**before.spilled, **touched.spilled}).settle()


def key_of(job: Job) -> ItemKey:
    """The item that *job* is about."""
    if isinstance(job, Adding):
        return job.item.key
    return job.story.item.key if isinstance(job, Restoring) else job.key


def wanted(jobs: Sequence[Job]) -> list[ItemKey]:
    """Every item that *jobs* may look at or change, each once."""
    keys: dict[ItemKey, None] = {}
    for job in jobs:
        keys[key_of(job)] = None
        if isinstance(job, Settle):
            for outcome in (job.outcome, *(step.outcome for step in job.then)):
                if isinstance(outcome, Completed):
                    keys.update((key, None) for key, _ in outcome.invalidates)
    return list(keys)


def mark(now_ms: int) -> int:
    """A number after that of every change before *now_ms*, and before that of every later one."""
    return now_ms * SEQ_PER_MS - 1


def _restored(story: Story) -> Touched:
    """An item with the history that it had elsewhere; numbers of changes are made from their times, as always here."""
    seq, told, spilled = 0, list[Attributes](), dict[str, bytes]()
    for entry in story.entries:
        seq = max(seq + 1, entry.at_ms * SEQ_PER_MS)
        row, beside = rows.told(entry, seq)
        told.append(row)
        spilled |= beside
    written = rows.whole(story.item, seq)
    late = told[-_LATE:]
    return Touched(None, written.stored, late, {**spilled, **written.spilled}, early=told[: -len(late)] if late else [])
