"""Reading the stream of the ``open`` table: the shell around ``shards``.

What a record says is only where to look: rows are read again before they are given away, so a record that comes late, twice,
or after its row has changed does no harm, and one that never comes is found by the sweep.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

from tbie.backends.aws.client import MISSING, THROTTLED, ClientError, Clients, code_of, told
from tbie.backends.aws.entries import is_open
from tbie.backends.aws.shards import Ask, EntryKey, Place, Shard, Tape, record_of
from tbie.core.clock import Clock
from tbie.core.errors import TruthUnavailableError

_ROUNDS = 50
"""Answers that are asked of each shard in one call at most."""
_AHEAD = 20_000
"""Records that are read ahead of whoever reads, to know how many there are: about 5 MB."""
_LIST_AGAIN_S = 300.0

_EXPIRED = frozenset({"ExpiredIteratorException"})
_TRIMMED = frozenset({"TrimmedDataAccessException"})
_BUSY = THROTTLED | {"LimitExceededException"}


class StreamReader:
    """Reads one table's stream for the consumers of this process. Safe to use from several threads."""

    def __init__(self, clients: Clients, table: str, clock: Clock, keep: int = 100_000) -> None:
        self._clients, self._table, self._clock, self._keep = clients, table, clock, keep
        self._lock = threading.RLock()
        self._tape: Tape | None = None
        self._listed_s: float | None = None
        self._saved: dict[int, Place] = {}
        self._asked: deque[int] = deque(maxlen=8)
        """Where consumers have read lately: nothing is read so far ahead of the slowest that what it needs is forgotten."""
        self.gaps = 0
        """How often the service had dropped records before they were read. What they spoke of is found by the sweep."""

    @property
    def has_begun(self) -> bool:
        """Whether anything was read: from then on this reader has numbers of its own."""
        return self._tape is not None

    def saved_at(self, seq: int, place: Place | None) -> None:
        """A consumer will go on at *seq*, which was *place* to whoever saved it."""
        with self._lock:
            if place is None:
                self._saved.pop(seq, None)
                return
            self._saved[seq] = place
            tape = self._tape
            if tape is not None and tape.has(seq) and _differ(tape.place(seq), place):
                self._tape = None  # another reader numbered otherwise

    def rows_since(self, seq: int, limit: int) -> tuple[list[EntryKey], int]:
        """Keys of open rows that changed after *seq*, and the number read up to."""
        with self._lock:
            self._asked.append(seq)
            tape = self._at(seq)
            self._read(tape, seq + limit)
            return tape.rows(seq, limit)

    def last_seq(self, since: int, place: Place | None) -> int:
        """The number of the newest record, as far as it was read ahead; begins after *since* if nothing was read yet."""
        with self._lock:
            if self._tape is None:
                self.saved_at(since, place)
                self._at(since)
            assert self._tape is not None
            self._read(self._tape, min(self._asked, default=self._tape.end) + _AHEAD)
            return self._tape.end

    def place(self, seq: int) -> Place | None:
        """What to save beside *seq* so that any reader can go on there."""
        with self._lock:
            if self._tape is not None and self._tape.has(seq):
                return self._tape.place(seq)
            return self._saved.get(seq)

    def _at(self, seq: int) -> Tape:
        """The tape, begun anew where it does not hold what follows *seq*."""
        tape = self._tape
        if tape is not None and self._list_is_due() and self._stream() != tape.stream:
            tape = None  # it was switched off and on again: another stream, to be read from its beginning
        if tape is not None and not tape.has(seq) and seq > tape.end:
            self._read(tape, seq)
        if tape is None or not tape.has(seq):
            stream = self._stream()
            place = self._saved.get(seq)
            if place is None or place.stream != stream:
                place = Place(stream, {})
            tape = self._tape = Tape(stream, seq, dict(place.after), self._keep, digits=place.digits)
            self._listed_s = None
        return tape

    def _read(self, tape: Tape, upto: int) -> None:
        """Read until number *upto* is known or nothing more comes."""
        for _ in range(_ROUNDS):
            if tape.end >= upto:
                return
            if self._list_is_due():
                tape.listed(self._shards(tape.stream))
                self._listed_s = self._clock.monotonic_s()
            new = sum(self._ask(tape, ask) for ask in tape.asks())
            if self._listed_s is not None and not new and not tape.unfinished:
                return

    def _list_is_due(self) -> bool:
        """Whether to ask which shards there are: at first, when one has ended, and every few minutes."""
        return self._listed_s is None or self._clock.monotonic_s() - self._listed_s >= _LIST_AGAIN_S

    def _ask(self, tape: Tape, ask: Ask) -> int:
        """One answer of one shard; how many new records it held, or 1 if it is to be asked again for another reason."""
        with told(TruthUnavailableError, f"reading the stream of table {self._table}"):
            try:
                iterator = ask.iterator or self._iterator(tape, ask)
                answer = self._clients.streams.get_records(ShardIterator=iterator)
            except ClientError as refused:
                return int(self._lost(tape, ask.shard, refused))
        records = [record_of(found, _opens(found)) for found in answer["Records"]]
        tape.digits = max(tape.digits, *(len(found["dynamodb"]["SequenceNumber"]) for found in answer["Records"]), 0)
        following = answer.get("NextShardIterator")
        if following is None:
            self._listed_s = None  # its children, if there are any
        return tape.got(ask.shard, records, following)

    def _iterator(self, tape: Tape, ask: Ask) -> str:
        asked = {"StreamArn": tape.stream, "ShardId": ask.shard}
        asked |= (
            {"ShardIteratorType": "TRIM_HORIZON"}
            if ask.after is None
            else {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": f"{ask.after:0{tape.digits}d}"}
        )
        iterator: str = self._clients.streams.get_shard_iterator(**asked)["ShardIterator"]
        tape.pointed(ask.shard, iterator)
        return iterator

    def _lost(self, tape: Tape, shard: str, refused: ClientError) -> bool:
        """What a refusal says of a shard; whether asking again at once may help."""
        code = code_of(refused)
        if code in _EXPIRED:
            tape.expired(shard)
        elif code in _TRIMMED:
            tape.trimmed(shard)
            self.gaps += 1
        elif code in MISSING:
            tape.vanished(shard)
            self._listed_s = None
        elif code not in _BUSY:
            raise refused
        return code not in _BUSY

    def _stream(self) -> str:
        with told(TruthUnavailableError, f"looking for the stream of table {self._table}"):
            arn = self._clients.dynamodb.describe_table(TableName=self._table)["Table"].get("LatestStreamArn")
        if not arn:
            raise TruthUnavailableError(f"table {self._table} has no stream: switch it on with view NEW_IMAGE")
        return str(arn)

    def _shards(self, stream: str) -> list[Shard]:
        found: list[Shard] = []
        asked = {"StreamArn": stream}
        with told(TruthUnavailableError, f"reading the stream of table {self._table}"):
            while True:
                described = self._clients.streams.describe_stream(**asked)["StreamDescription"]
                found += (_shard(each) for each in described["Shards"])
                last = described.get("LastEvaluatedShardId")
                if not last:
                    return found
                asked["ExclusiveStartShardId"] = last


def _shard(described: Mapping[str, Any]) -> Shard:
    closed = "EndingSequenceNumber" in described.get("SequenceNumberRange", {})
    return Shard(described["ShardId"], described.get("ParentShardId"), closed)


def _opens(found: Mapping[str, Any]) -> bool:
    """Whether a record says that a row is open. A row that is gone is counted, and nothing is to be looked at."""
    return found.get("eventName") != "REMOVE" and is_open(found["dynamodb"].get("NewImage", {}))


def _differ(mine: Place, theirs: Place) -> bool:
    return mine.stream != theirs.stream or dict(mine.after) != dict(theirs.after)
