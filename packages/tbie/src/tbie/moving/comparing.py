"""Whether a store says what an export says, item by item, by the digest of each history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import BinaryIO, NamedTuple

from tbie.core.keys import ItemKey
from tbie.moving import lines
from tbie.moving.leaving import agree
from tbie.moving.reading import Arrival, Examined, read
from tbie.truth import Item, TruthStore


class Side(StrEnum):
    """How a store stands to an item of an export."""

    SAME = "same"
    LONGER = "gone_on"  # its history begins with what the export says
    OTHER = "different"
    MISSING = "missing"
    EXTRA = "extra"  # the export does not know it


class Difference(NamedTuple):
    """An item that is not the same on both sides."""

    key: ItemKey
    side: Side


def side_of(truth: TruthStore, arrival: Arrival, item: Item | None) -> Side:
    """How *truth* stands to *arrival*; *item* is what it holds under that key."""
    if item is None:
        return Side.MISSING
    entries = truth.history(item.key)
    known = arrival.story.entries
    if lines.digest(item.key, item.created_ms, entries[: len(known)]) != arrival.digest:
        return Side.OTHER
    if len(entries) > len(known):
        return Side.LONGER
    return Side.SAME if agree(item, entries) else Side.OTHER


def compare(
    truth: TruthStore, file: BinaryIO, found: Callable[[Difference], None], told: Callable[[int], None] = lambda _: None
) -> Examined:
    """Compare *truth* with *file*, telling *found* of each difference; reads both once, in the order of keys.

    Raises:
        MovingError: the file is damaged.
    """
    here = _Here(truth)
    for arrival in read(file):
        if isinstance(arrival, Examined):
            for item in here.until(None):
                found(Difference(item.key, Side.EXTRA))
            return arrival
        if not isinstance(arrival, Arrival):
            continue
        key = arrival.story.item.key
        for item in here.until(key):
            found(Difference(item.key, Side.EXTRA))
        side = side_of(truth, arrival, here.take(key))
        if side is not Side.SAME:
            found(Difference(key, side))
        told(here.read)
    raise AssertionError("a file that is not whole raises")


class _Here:
    """The items of a store in the order of their keys, a page at a time."""

    def __init__(self, truth: TruthStore) -> None:
        self.read = 0
        self._truth = truth
        self._page: list[Item] = []
        self._last: ItemKey | None = None
        self._fill()

    def _fill(self) -> None:
        self._page = self._truth.items(after=self._last, limit=200)[::-1]
        self._last = self._page[0].key if self._page else self._last

    def _pop(self) -> Item:
        item = self._page.pop()
        self.read += 1
        if not self._page:
            self._fill()
        return item

    def until(self, key: ItemKey | None) -> Iterator[Item]:
        """Take what stands before *key*; all that is left for None."""
        while self._page and (key is None or self._page[-1].key < key):
            yield self._pop()

    def take(self, key: ItemKey) -> Item | None:
        """Take the item of that key, if it is the next."""
        return self._pop() if self._page and self._page[-1].key == key else None
