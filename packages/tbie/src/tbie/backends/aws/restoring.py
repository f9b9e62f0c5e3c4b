"""Items of another store, written with the history that they had there. Caller: ``truth`` of this folder.

Each item is made by applying its own changes one after the other, so that rows and history are what they would have become here;
only times, tokens and causes are those of the changes. What is open is in the index, and in its stream, with the item's row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from tbie.backends.aws import rows
from tbie.backends.aws.counts import SHARDS_OF_COUNTS
from tbie.backends.aws.dynamo import Dynamo, MetOthersError
from tbie.backends.aws.keys import item_key
from tbie.backends.aws.plan import MOST_ACTIONS, SEQ_PER_MS, Pack, Touched
from tbie.backends.aws.writer import actions_of
from tbie.core.errors import TruthUnavailableError
from tbie.core.keys import Address, ItemKey
from tbie.history import ITEM, record_of
from tbie.lifecycle import Change
from tbie.truth import HistoryEntry, StageRecord, Story

_TOGETHER = 50
"""Changes of one item that are written in one transaction with its row. Those before are written ahead of it; nobody looks at
them until the row is there."""
_ATTEMPTS = 8


def restore(dynamo: Dynamo, stories: Sequence[Story], now_ms: int) -> list[bool]:
    """Write each of *stories* whose item is not there, whole or not at all; which were written.

    Raises:
        TruthUnavailableError: DynamoDB refused. Items before that are written.
    """
    results = [False] * len(stories)
    pack, places = Pack(0, {}), list[int]()
    for place, story in _missing(dynamo, stories):
        touched, ahead = _touched(story, now_ms)
        _write_ahead(dynamo, story.item.key, ahead, touched)
        wider = Pack(0, {**pack.items, story.item.key: touched})
        if pack.items and not wider.fits(MOST_ACTIONS, False):
            _write(dynamo, pack, places, results)
            pack, places = Pack(0, {story.item.key: touched}), []
        else:
            pack = wider
        places.append(place)
    if pack.items:
        _write(dynamo, pack, places, results)
    return results


def _missing(dynamo: Dynamo, stories: Sequence[Story]) -> Iterator[tuple[int, Story]]:
    there = set(dynamo.get("items", [item_key(story.item.key) for story in stories], "pk, sk"))
    for place, story in enumerate(stories):
        where = item_key(story.item.key)
        if where not in there:
            there.add(where)
            yield place, story


def _touched(story: Story, now_ms: int) -> tuple[Touched, list[rows.Attributes]]:
    """What is written in one transaction, and the changes that are written ahead of it."""
    item = story.item
    found, history, spilled = (
        rows.new(item.key, item.address, item.created_ms),
        list[rows.Attributes](),
        dict[str, bytes](),
    )
    for entry in story.entries:
        seq = max(found.seq + 1, min(max(entry.at_ms, 0), now_ms) * SEQ_PER_MS)
        written = rows.changed(found, _change(entry), entry.at_ms, seq)
        found = written.stored
        history.append(written.entry)
        spilled |= written.spilled
    cut = max(0, len(history) - _TOGETHER)
    return Touched(None, found, history[cut:], spilled).settle(), history[:cut]


def _change(entry: HistoryEntry) -> Change:
    records, address, attributes = list[StageRecord](), None, None
    for name, after in entry.after.items():
        said = cast("Mapping[str, Any]", after)
        if name == ITEM:
            address, attributes = Address(*said["address"]), said["attributes"]
        else:
            records.append(record_of(said))
    return Change(tuple(records), entry.cause, address, attributes)


def _write_ahead(dynamo: Dynamo, key: ItemKey, history: Sequence[rows.Attributes], touched: Touched) -> None:
    pieces = [row for place, packed in touched.spilled.items() for row in rows.pieces(key, place, packed)]
    if ahead := [*pieces, *history]:
        dynamo.put_many("history", [(row, rows.size_of(row)) for row in ahead])


def _write(dynamo: Dynamo, pack: Pack, places: Sequence[int], results: list[bool]) -> None:
    """Write *pack*; if somebody else was faster with one of its items, the others alone."""
    try:
        _transact(dynamo, pack)
    except MetOthersError:
        for place, (key, touched) in zip(places, pack.items.items(), strict=True):
            results[place] = _alone(dynamo, key, touched)
    else:
        for place in places:
            results[place] = True


def _alone(dynamo: Dynamo, key: ItemKey, touched: Touched) -> bool:
    for attempt in range(1, _ATTEMPTS + 1):
        if dynamo.get("items", [item_key(key)], "pk, sk"):
            return False
        try:
            _transact(dynamo, Pack(0, {key: touched}))
        except MetOthersError:
            dynamo.wait(attempt)
        else:
            return True
    raise TruthUnavailableError(
        f"item {key.item!r} of {key.tenant!r} could not be written: others were faster {_ATTEMPTS} times in a row, and yet it "
        "is not there. Try again."
    )


def _transact(dynamo: Dynamo, pack: Pack) -> None:
    keys = list(pack.items)
    shard = int(dynamo.new_token()[:8], 16) % SHARDS_OF_COUNTS
    others = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    dynamo.transact(
        actions_of(pack, dynamo.table, shard), f"restoring item {keys[0].item!r} of {keys[0].tenant!r}{others}"
    )
