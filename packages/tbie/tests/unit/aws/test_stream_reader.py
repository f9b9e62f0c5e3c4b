"""The reader of the change stream skips nothing that the service still has, whatever shards and iterators do."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tbie.backends.aws.client import ClientError, Clients
from tbie.backends.aws.shards import Place, Record, Shard, Tape
from tbie.backends.aws.stream import StreamReader
from tbie.core.clock import ManualClock
from tbie.core.errors import TruthUnavailableError
from tbie.testing.aws.streams import ScriptedStreams


def reader_of(streams: ScriptedStreams, clock: ManualClock | None = None, keep: int = 100_000) -> StreamReader:
    return StreamReader(cast("Clients", streams), "x-open", clock or ManualClock(), keep)


class Reading(RuleBasedStateMachine):
    """One consumer that reads, dies, and goes on at a place that it saved, over shards to which everything happens."""

    @initialize(page=strategies.integers(1, 4))
    def start(self, page: int) -> None:
        self.streams, self.clock = ScriptedStreams(page), ManualClock()
        self.written: dict[int, tuple[str, str]] = {}
        self.gone: set[int] = set()
        """Numbers of records that nobody needs to see: trimmed, or of rows that are not open."""
        self.seen: list[tuple[str, str]] = []
        self.saved: tuple[int, str | None] = (0, None)
        self.reader, self.seq = reader_of(self.streams, self.clock), 0

    @rule(choice=strategies.integers(0, 9), row=strategies.sampled_from("abc"), open_=strategies.booleans())
    def write(self, choice: int, row: str, open_: bool) -> None:
        shards = self.streams.open_shards()
        number = self.streams.append(
            shards[choice % len(shards)], row, str(len(self.written)), "MODIFY" if open_ else "REMOVE"
        )
        self.written[number] = (row, str(len(self.written)))
        if not open_:
            self.gone.add(number)

    @rule(choice=strategies.integers(0, 9), children=strategies.integers(1, 2))
    def split(self, choice: int, children: int) -> None:
        shards = self.streams.open_shards()
        if len(shards) < 8:
            self.streams.split(shards[choice % len(shards)], children)

    @rule(choice=strategies.integers(0, 9), count=strategies.integers(1, 4))
    def trim(self, choice: int, count: int) -> None:
        shards = list(self.streams._shards)
        self.gone.update(self.streams.trim(shards[choice % len(shards)], count))

    @rule()
    def expire(self) -> None:
        self.streams.expire()

    @rule(which=strategies.sampled_from(["repeat", "empty", "busy"]))
    def disturb(self, which: str) -> None:
        setattr(self.streams, which, True)

    @rule(limit=strategies.integers(1, 7))
    def read(self, limit: int) -> None:
        rows, upto = self.reader.rows_since(self.seq, limit)
        assert self.seq <= upto <= self.seq + limit
        assert len(rows) == len(set(rows)) <= upto - self.seq
        self.seen += rows
        self.seq = upto

    @rule()
    def save(self) -> None:
        place = self.reader.place(self.seq)
        self.saved = (self.seq, place.text() if place is not None else None)

    @rule(limit=strategies.integers(1, 5))
    def look_ahead(self, limit: int) -> None:
        last = self.reader.last_seq(0, None)
        assert last >= self.seq
        self.reader.rows_since(max(self.seq, last - limit), limit)

    @rule()
    def die(self) -> None:
        self.reader = reader_of(self.streams, self.clock)
        self.seq, at = self.saved
        self.reader.saved_at(self.seq, Place.of(at) if at is not None else None)

    def teardown(self) -> None:
        if not hasattr(self, "streams"):
            return
        self.clock.advance_ms(600_000)  # so that it looks for new shards
        quiet = 0
        while quiet < 3:
            before = self.seq
            self.read(100)
            quiet = quiet + 1 if self.seq == before else 0
        missing = {self.written[n] for n in self.written.keys() - self.gone} - set(self.seen)
        assert not missing


Reading.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestReading = Reading.TestCase


class TestOneReader:
    def test_a_child_is_not_read_before_its_parent_is_at_its_end(self) -> None:
        streams = ScriptedStreams(page=1)
        (parent,) = streams.open_shards()
        for n in range(3):
            streams.append(parent, "row", f"{n}")
        streams.split(parent)
        for child in streams.open_shards():
            streams.append(child, "row", f"{child[20:]}")
        rows, _ = reader_of(streams).rows_since(0, 100)
        assert [sk for _, sk in rows[:3]] == ["0", "1", "2"]
        assert len(rows) == 5

    def test_a_record_that_comes_twice_is_counted_once(self) -> None:
        streams = ScriptedStreams()
        (shard,) = streams.open_shards()
        streams.append(shard, "row", "1")
        reader = reader_of(streams)
        assert reader.rows_since(0, 10)[1] == 1
        streams.append(shard, "row", "2")
        streams.repeat = True
        assert reader.rows_since(1, 10) == ([("row", "2")], 2)

    def test_what_was_dropped_before_it_was_read_is_counted_as_a_gap(self) -> None:
        streams = ScriptedStreams()
        (shard,) = streams.open_shards()
        reader = reader_of(streams)
        for n in range(4):
            streams.append(shard, "row", f"{n}")
        assert reader.rows_since(0, 2)[1] == 2
        for n in range(4, 8):
            streams.append(shard, "row", f"{n}")
        streams.trim(shard, 7)
        rows, upto = reader.rows_since(2, 10)
        assert (rows, upto) == ([("row", "2"), ("row", "7")], 4)
        assert reader.gaps == 1

    def test_a_stream_that_was_switched_off_and_on_is_begun_anew(self) -> None:
        streams = ScriptedStreams()
        streams.append(streams.open_shards()[0], "row", "1")
        reader = reader_of(streams)
        assert reader.rows_since(0, 10)[1] == 1
        place = reader.place(1)
        assert place is not None
        streams.arn = "arn:stream/2"
        streams._shards.clear()
        streams.append(streams.begin(), "row", "2")
        other = reader_of(streams)
        other.saved_at(1, place)
        assert other.rows_since(1, 10) == ([("row", "2")], 2)

    def test_another_reader_s_numbering_is_not_taken_for_ones_own(self) -> None:
        streams = ScriptedStreams()
        (shard,) = streams.open_shards()
        for n in range(4):
            streams.append(shard, "row", f"{n}")
        mine = reader_of(streams)
        assert mine.rows_since(0, 4)[1] == 4
        mine.saved_at(3, Place(streams.arn, {shard: 1}))  # somebody who numbered otherwise has read one record only
        assert mine.rows_since(3, 10) == ([("row", "1"), ("row", "2"), ("row", "3")], 6)

    def test_what_was_kept_long_enough_is_read_again_from_the_service(self) -> None:
        streams = ScriptedStreams(page=10)
        (shard,) = streams.open_shards()
        for n in range(8):
            streams.append(shard, "row", f"{n}")
        reader = reader_of(streams, keep=4)
        assert reader.last_seq(0, None) == 8
        rows, upto = reader.rows_since(0, 3)
        assert ([sk for _, sk in rows], upto) in ((["0", "1", "2"], 3), (["4", "5", "6"], 3)) or upto <= 3
        assert reader.rows_since(0, 100)[0], "somebody who asks from the start gets the oldest that there is"

    def test_reading_ahead_costs_nothing_that_is_read_again(self) -> None:
        streams = ScriptedStreams(page=10)
        (shard,) = streams.open_shards()
        for n in range(8):
            streams.append(shard, "row", f"{n}")
        reader = reader_of(streams)
        assert reader.last_seq(0, None) == 8
        calls = streams.calls
        assert reader.rows_since(0, 8)[1] == 8
        assert streams.calls == calls

    def test_other_refusals_are_told(self) -> None:
        streams = ScriptedStreams()

        def refuse(**_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetRecords")

        streams.get_records = refuse  # type: ignore[method-assign,assignment]
        with pytest.raises(TruthUnavailableError, match="reading the stream of table x-open: AccessDeniedException"):
            reader_of(streams).rows_since(0, 1)


def test_a_place_comes_back_as_it_was_stored() -> None:
    place = Place("arn", {"s1": 10**30, "s2": 0}, digits=31)
    assert Place.of(place.text()) == place, "also how wide its numbers are: a service may compare them as text"
    assert Place.of(Place("arn", {}).text()) == Place("arn", {})


def test_a_shard_whose_parent_has_expired_is_read() -> None:
    tape = Tape("arn")
    tape.listed([Shard("child", "gone")])
    assert [ask.shard for ask in tape.asks()] == ["child"]
    tape.got("child", [Record(5, ("a", "b"))], None)
    assert (tape.asks(), tape.end) == ([], 1)
