"""What a reader of DynamoDB Streams knows, as a state machine without input or output.

A stream is a family of shards. A shard ends after some hours, or when it splits, and its children go on: a child may be read
once its parent has been read to the end, or the changes of one row would come out of order. Records are kept for 24 hours, an
iterator holds for 15 minutes, and every answer may be the last one before any of that happens.

Records are given numbers in the order in which this reader saw them. Another reader may number them otherwise; so a place in the
stream is always a number *and* how far each shard had been read then (``Place``).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

EntryKey = tuple[str, str]


DIGITS = 21
"""Of a sequence number as a service writes it: at least. A service may compare them as text, so their width is kept."""


class Shard(NamedTuple):
    """One shard as the service lists it."""

    id: str
    parent: str | None = None
    closed: bool = False


class Record(NamedTuple):
    """One record: its number within the shard, and the open row that changed (None: something that is not open now)."""

    number: int
    row: EntryKey | None


class Ask(NamedTuple):
    """What to ask the service for next."""

    shard: str
    iterator: str | None
    """None: an iterator is needed first, after record number ``after``, or (None) from the oldest record that is kept."""
    after: int | None


class Place(NamedTuple):
    """How far a stream had been read: after the last record seen of each shard. A shard that is not named was not begun."""

    stream: str
    after: Mapping[str, int]
    digits: int = DIGITS

    def text(self) -> str:
        """To be stored."""
        return json.dumps([self.stream, {shard: f"{number:0{self.digits}d}" for shard, number in self.after.items()}])

    @classmethod
    def of(cls, text: str) -> Place:
        """What ``text`` said."""
        stream, after = json.loads(text)
        digits = max(map(len, after.values()), default=DIGITS)
        return cls(stream, {shard: int(number) for shard, number in after.items()}, max(DIGITS, digits))


class _Seen(NamedTuple):
    shard: str
    record: Record


@dataclass(slots=True)
class Tape:
    """The records of one stream in the order in which this reader saw them.

    Args:
        stream: its name; another name is another stream, of which nothing is known.
        base: the number of the record before the first.
        after: where reading begins in each shard that was begun before.
        keep: how many records are kept so that somebody may read them again.
    """

    stream: str
    base: int = 0
    after: dict[str, int] = field(default_factory=dict)
    keep: int = 100_000
    digits: int = DIGITS
    """How the service writes the numbers of this stream."""
    _seen: deque[_Seen] = field(default_factory=deque)
    _shards: dict[str, Shard] = field(default_factory=dict)
    _at: dict[str, int] = field(default_factory=dict)
    _done: set[str] = field(default_factory=set)
    _iterators: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._at = dict(self.after)

    @property
    def end(self) -> int:
        """Number of the newest record."""
        return self.base + len(self._seen)

    # -- what the service said

    def listed(self, shards: Iterable[Shard]) -> None:
        """Every shard that there is. One that is missing now has expired: nobody waits for it any more."""
        self._shards = {shard.id: shard for shard in shards}
        self._done &= self._shards.keys()
        for gone in self._iterators.keys() - self._shards.keys():
            del self._iterators[gone]

    def asks(self) -> list[Ask]:
        """Every shard that may be read now."""
        return [
            Ask(shard.id, self._iterators.get(shard.id), self._at.get(shard.id))
            for shard in self._shards.values()
            if shard.id not in self._done and (shard.parent not in self._shards or shard.parent in self._done)
        ]

    def pointed(self, shard: str, iterator: str) -> None:
        """An iterator was given."""
        self._iterators[shard] = iterator

    def got(self, shard: str, records: Sequence[Record], following: str | None) -> int:
        """Records came, and the iterator that follows (None: the shard is at its end); returns how many were new."""
        new = 0
        for record in records:
            if record.number > self._at.get(shard, -1):
                self._at[shard] = record.number
                self._seen.append(_Seen(shard, record))
                new += 1
        if following is None:
            self._iterators.pop(shard, None)
            self._done.add(shard)
        else:
            self._iterators[shard] = following
        while len(self._seen) > self.keep:
            self._forget()
        return new

    def expired(self, shard: str) -> None:
        """The iterator does not hold any more; what was read still counts."""
        self._iterators.pop(shard, None)

    def trimmed(self, shard: str) -> None:
        """Records after the place of this shard are gone: go on with the oldest that is kept."""
        self._iterators.pop(shard, None)
        self._at.pop(shard, None)

    def vanished(self, shard: str) -> None:
        """The service does not know the shard any more."""
        self._iterators.pop(shard, None)
        self._done.add(shard)

    @property
    def unfinished(self) -> bool:
        """Whether a shard that ended has records that were not read."""
        return any(ask.shard in self._shards and self._shards[ask.shard].closed for ask in self.asks())

    # -- what consumers want

    def has(self, seq: int) -> bool:
        """Whether the records after *seq* are known as far as they go."""
        return self.base <= seq <= self.end

    def rows(self, seq: int, limit: int) -> tuple[list[EntryKey], int]:
        """Rows that were open according to records after *seq*, each once, and the number read up to."""
        first = seq - self.base
        last = min(first + limit, len(self._seen))
        found = dict.fromkeys(row for at in range(first, last) if (row := self._seen[at].record.row) is not None)
        return list(found), self.base + last

    def place(self, seq: int) -> Place:
        """How far each shard had been read at *seq*."""
        after = dict(self.after)
        for at in range(seq - self.base):
            seen = self._seen[at]
            after[seen.shard] = seen.record.number
        kept = {shard: number for shard, number in after.items() if shard in self._shards}
        return Place(self.stream, kept, self.digits)

    def _forget(self) -> None:
        seen = self._seen.popleft()
        self.after[seen.shard] = seen.record.number
        self.base += 1


def record_of(found: Mapping[str, Any], is_open: bool) -> Record:
    """A record of the service's interface."""
    change = found["dynamodb"]
    keys = change["Keys"]
    row = (keys["pk"]["S"], keys["sk"]["S"]) if is_open else None
    return Record(int(change["SequenceNumber"]), row)
