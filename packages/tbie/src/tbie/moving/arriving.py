"""Brings an export into a store: whole, once, and compared with what the store then says.

May be stopped at any moment and run again: what is there already is compared, not written.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from tbie.campaign.record import KIND as CAMPAIGN
from tbie.campaign.record import CampaignState
from tbie.core.errors import MovingError
from tbie.core.keys import ItemKey
from tbie.moving.comparing import Side, side_of
from tbie.moving.reading import Arrival, Examined, Moved, Setting, read
from tbie.truth import Document, TruthStore

MARK = "moving"
"""The setting that names the export that is being, or was, brought into this store."""

_GROUP, _GROUP_CHANGES = 50, 2_000
"""Items, and changes, written at once."""

BEGAN_ELSEWHERE = 2**62
"""For a campaign of another store: the number of no change here is as large, so nothing here was before it or is its doing."""


@dataclass(slots=True)
class Brought:
    """What came of it."""

    examined: Examined
    written: int = 0
    there: int = 0
    """Items that were there already, exactly so."""
    gone_on: int = 0
    """Items that were there already and have changed since: their history begins with what the export says."""
    documents: int = 0
    kept: list[tuple[str, str]] = field(default_factory=list)
    """Documents (kind, name) and settings ("", name) of which this store has its own; it keeps it."""


def bring(
    truth: TruthStore,
    file: BinaryIO,
    examined: Examined,
    *,
    beside: bool = False,
    told: Callable[[Brought], None] = lambda _: None,
    each: Callable[[Arrival], None] = lambda _: None,
) -> Brought:
    """Write what *file* holds into *truth* and compare item by item; *file* was found to be whole (``examine``).

    Args:
        beside: the store may hold other items already.
        told: called after each group of items.
        each: called with every item once it is there.

    Raises:
        MovingError: the store holds something else, or does not say what was written.
    """
    brought = Brought(examined)
    resumed = _claim(truth, examined, beside)
    held: dict[str, dict[str, Document]] = {}
    group: list[Arrival] = []
    for found in read(file):
        match found:
            case Moved():
                _document(truth, found, held, brought, beside or resumed)
            case Setting():
                _setting(truth, found, brought)
            case Arrival():
                group.append(found)
                if len(group) >= _GROUP or sum(len(a.story.entries) for a in group) >= _GROUP_CHANGES:
                    _items(truth, group, brought, each)
                    told(brought)
                    group = []
            case Examined(seal=seal) if seal != examined.seal:
                raise MovingError(
                    "the file has changed since it was examined: what stands here is of both. Run it again."
                )
            case _:
                pass
    _items(truth, group, brought, each)
    told(brought)
    truth.write_meta(MARK, json.dumps({"seal": examined.seal, "state": "done"}))
    return brought


def _claim(truth: TruthStore, examined: Examined, beside: bool) -> bool:
    """Make sure that the store is empty, or is being filled from this very file; whether it is the latter."""
    mark = truth.read_meta(MARK)
    try:
        resumed = mark is not None and json.loads(mark)["seal"] == examined.seal
    except (ValueError, KeyError, TypeError):
        resumed = False
    if not resumed:
        there = truth.items(limit=1)
        if there and not beside:
            raise MovingError(
                f"this store holds items already ({there[0].key.item!r} of tenant {there[0].key.tenant!r}, for one) and they "
                "are not of this export. Nothing was changed. Import into a new one; or say --beside to have both in one."
            )
        truth.write_meta(MARK, json.dumps({"seal": examined.seal, "state": "begun"}))
    return resumed


def _document(
    truth: TruthStore, moved: Moved, held: dict[str, dict[str, Document]], brought: Brought, keeping: bool
) -> None:
    if moved.kind not in held:
        held[moved.kind] = {document.name: document for document in truth.documents(moved.kind)}
    body, there = arriving(moved), held[moved.kind].get(moved.name)
    if there is None:
        if truth.write_document(moved.kind, moved.name, body, None) is None:
            raise MovingError(f"somebody else wrote {moved.kind} {moved.name!r} meanwhile. Run it again.")
        brought.documents += 1
    elif there.body == body:
        brought.documents += 1
    elif keeping:
        brought.kept.append((moved.kind, moved.name))
    else:
        raise MovingError(
            f"this store has a {moved.kind} {moved.name!r} of its own. Nothing of it was changed. Import into a new store, or "
            "say --beside to keep what is here."
        )


def arriving(moved: Moved) -> dict[str, Any]:
    """What a document says in its new store. Changes have other numbers there, so a campaign cannot go on in it."""
    if moved.kind != CAMPAIGN:
        return moved.body
    ended = moved.body.get("state") in (CampaignState.DONE, CampaignState.CANCELLED)
    body = {**moved.body, "from_seq": BEGAN_ELSEWHERE}
    if not ended:
        body["state"], body["problem"] = CampaignState.CANCELLED.value, "it began in another store: begin it anew"
        body["finished_ms"] = moved.body.get("updated_ms")
    return body


def _setting(truth: TruthStore, setting: Setting, brought: Brought) -> None:
    value = truth.read_meta(setting.name)
    if value is None:
        truth.write_meta(setting.name, setting.value)
    elif value != setting.value:
        brought.kept.append(("", setting.name))


def _items(truth: TruthStore, group: list[Arrival], brought: Brought, each: Callable[[Arrival], None]) -> None:
    if not group:
        return
    keys = [arrival.story.item.key for arrival in group]
    known = truth.get(keys)
    missing = [a for a, item in zip(group, known, strict=True) if item is None]
    if missing:
        truth.restore([arrival.story for arrival in missing])
    fresh: set[ItemKey] = {arrival.story.item.key for arrival in missing}
    for arrival, item in zip(group, truth.get(keys), strict=True):
        key = arrival.story.item.key
        match side_of(truth, arrival, item):
            case Side.SAME if key in fresh:
                brought.written += 1
            case Side.SAME:
                brought.there += 1
            case Side.LONGER:
                brought.gone_on += 1
            case _:
                raise MovingError(
                    f"item {key.item!r} of tenant {key.tenant!r} is in this store with another history than in the export. "
                    "It was left as it is. Import into a new store."
                )
        each(arrival)
