"""Reads an export, believing nothing: not its length, not its types, not that a history gives the row beside it.

Whatever is wrong is a ``MovingError`` that names the line and what to do. Memory holds one item at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NoReturn

from tbie.core.errors import MovingError
from tbie.core.keys import ItemKey
from tbie.moving import lines
from tbie.moving.leaving import agree
from tbie.moving.lines import Counts
from tbie.moving.values import Misshapen, change_of, item_of, mapping, text
from tbie.truth import HistoryEntry, Item, Story

LINE_BYTES = 32 << 20
"""A line holds one item without its history, or one change; facts of a megabyte are large."""
ITEM_BYTES = 256 << 20
"""What one item with its history may take, since it is held in memory."""
ITEM_CHANGES = 100_000
DEPTH = 64
"""How deep a line may nest; what handlers return nests less than ten deep."""

_AGAIN = "Nothing was changed. Export again; if it was copied, compare both copies."


@dataclass(frozen=True, slots=True)
class Head:
    """What the first line says."""

    workflow: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A document on its way. Its revision and time are each store's own."""

    kind: str
    name: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """A named setting on its way."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """An item on its way, its history checked against its row."""

    story: Story
    digest: str


@dataclass(frozen=True, slots=True)
class Examined:
    """What a whole and undamaged export holds. ``seal`` is the hash of all of it."""

    head: Head
    counts: Counts
    seal: str


@dataclass(slots=True)
class _Reader:
    file: BinaryIO
    number: int = 0
    chain: str = lines.START
    counts: Counts = field(default_factory=Counts)
    size: int = 0

    def wrong(self, what: str, remedy: str = _AGAIN) -> NoReturn:
        raise MovingError(f"line {max(1, self.number)} of the export {what}. {remedy}")

    def next(self) -> dict[str, Any] | None:
        """What the next line says; None at the end of the file."""
        try:
            raw = self.file.readline(LINE_BYTES + 1)
        except (OSError, EOFError, ValueError) as error:  # gzip: a file that ends early, or is no such file
            self.number += 1
            self.wrong(f"cannot be read ({error})")
        if not raw:
            return None
        self.number += 1
        if len(raw) > LINE_BYTES:
            self.wrong(f"is longer than {LINE_BYTES >> 20} MiB")
        if not raw.endswith(b"\n"):
            self.wrong("ends in the middle: the file was cut off")
        try:
            said = raw[:-1].decode("ascii")
        except UnicodeDecodeError:
            self.wrong("holds bytes that no export writes")
        return self._body(said)

    def _body(self, said: str) -> dict[str, Any]:
        start = len(lines.BEFORE) + lines.HEX
        body = said[start + len(lines.BETWEEN) : -1]
        if said[: len(lines.BEFORE)] != lines.BEFORE or said[start:][: len(lines.BETWEEN)] != lines.BETWEEN:
            self.wrong("is not of an export of Truth", "Nothing was changed. Name a file that `truth export` wrote.")
        chain = lines.link(self.chain, body)
        if said[len(lines.BEFORE) : start] != chain or said[-1] != lines.AFTER:
            self.wrong("does not follow from the lines before it: one was edited, moved, added or lost")
        self.chain, self.size = chain, len(said)
        try:
            found = json.loads(body, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            self.wrong(f"is not JSON ({error})")
        if not isinstance(found, dict):
            self.wrong("says something that is no object")
        if _deeper(found, DEPTH):
            self.wrong(f"nests deeper than {DEPTH}")
        return found

    def story(self, body: dict[str, Any]) -> Arrival:
        """The item of *body* with the lines of its changes."""
        at, size = self.number, self.size
        item, changes = item_of(body), body.get("changes")
        if type(changes) is not int or not 0 <= changes <= ITEM_CHANGES:
            self.wrong(f"says {changes!r} changes; an item has 0 to {ITEM_CHANGES}")
        entries: list[HistoryEntry] = []
        for _ in range(changes):
            found = self.next()
            if found is None:
                self.number += 1
                self.wrong("is not there: the file was cut off in the history of an item")
            if found.get("kind") != "change":
                self.wrong(f"should be change {len(entries) + 1} of {changes} of the item of line {at}")
            size += self.size
            if size > ITEM_BYTES:
                self.wrong(f"makes the item of line {at} larger than {ITEM_BYTES >> 20} MiB")
            entries.append(change_of(found, item.key))
        return self._checked(item, tuple(entries), body.get("digest"), at)

    def _checked(self, item: Item, entries: tuple[HistoryEntry, ...], digest: object, at: int) -> Arrival:
        found = lines.digest(item.key, item.created_ms, entries)
        if digest != found:
            self.wrong(f"ends a history whose digest is not the one that line {at} names")
        if not agree(item, entries):
            self.wrong(f"ends a history that does not give the row of its item in line {at}")
        self.counts.items += 1
        self.counts.changes += len(entries)
        return Arrival(Story(item, entries), found)


def read(file: BinaryIO) -> Iterator[Head | Moved | Setting | Arrival | Examined]:
    """What *file* holds, in order; the last one is an ``Examined``, or the file was not whole.

    Raises:
        MovingError: at the first line that is wrong. What came before it had nothing wrong with it.
    """
    reader = _Reader(file)
    head = _head(reader)
    yield head
    last: ItemKey | None = None
    while (body := reader.next()) is not None:
        try:
            match body.get("kind"):
                case "document" if last is None:
                    reader.counts.documents += 1
                    yield Moved(text(body, "of"), text(body, "name"), mapping(body, "body"))
                case "setting" if last is None:
                    reader.counts.settings += 1
                    yield Setting(text(body, "name"), text(body, "value", 1 << 20))
                case "item":
                    arrival = reader.story(body)
                    key = arrival.story.item.key
                    if last is not None and key <= last:
                        reader.wrong(
                            f"ends item {key.item!r}, which should stand before the one before it, or is it again"
                        )
                    last = key
                    yield arrival
                case "end":
                    yield _end(reader, head, body)
                    return
                case kind:
                    reader.wrong(f"is a {kind!r}, which has no place here")
        except Misshapen as error:
            reader.wrong(str(error))
    reader.number += 1
    reader.wrong("is not there: the file was cut off")


def _head(reader: _Reader) -> Head:
    body = reader.next()
    if body is None:
        reader.wrong("is not there: the file is empty", "Nothing was changed. Name a file that `truth export` wrote.")
    if body.get("kind") != "head" or body.get("format") != lines.FORMAT:
        reader.wrong(
            "is not the head of an export of Truth", "Nothing was changed. Name a file that `truth export` wrote."
        )
    version = body.get("version")
    if type(version) is not int or version != lines.VERSION:
        reader.wrong(
            f"says format version {version!r}; this program reads version {lines.VERSION}",
            "Nothing was changed. Upgrade this program, or export with one of its age.",
        )
    try:
        return Head(text(body, "workflow"))
    except Misshapen as error:
        reader.wrong(str(error))


def _end(reader: _Reader, head: Head, body: dict[str, Any]) -> Examined:
    said = {name: body.get(name) for name in reader.counts.to_json()}
    if said != reader.counts.to_json():
        reader.wrong(f"counts {said}, but the file holds {reader.counts.to_json()}")
    if reader.file.read(1):
        reader.number += 1
        reader.wrong("stands behind the end of the export")
    return Examined(head, reader.counts, reader.chain)


def examine(file: BinaryIO) -> Examined:
    """Read all of *file* and keep nothing: whether it is whole, and what it holds.

    Raises:
        MovingError: it is not.
    """
    for found in read(file):
        if isinstance(found, Examined):
            return found
    raise AssertionError("a file that is not whole raises")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _deeper(value: object, most: int) -> bool:
    """Whether containers in *value* nest deeper than *most*. A level at a time: a recursion would be what it guards against."""
    level: list[object] = [value]
    for _ in range(most + 1):
        children: list[object] = []
        for one in level:
            children += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True
