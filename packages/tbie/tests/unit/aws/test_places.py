"""A place in the change stream is handed from process to process as text."""

from __future__ import annotations

from tbie.backends.aws.shards import Place, Record, Shard, Tape

WIDE = "000000017956753129550000000003"
"""As the local server writes a sequence number: it finds this one by its text alone."""


def test_a_sequence_number_keeps_the_width_that_its_service_gave_it() -> None:
    tape = Tape("stream", digits=len(WIDE))
    tape.listed([Shard("a")])
    tape.got("a", [Record(int(WIDE), None)], "next")
    place = tape.place(1)
    assert WIDE in place.text()
    assert Place.of(place.text()) == place


def test_a_place_that_was_saved_without_its_width_has_the_least_that_there_is() -> None:
    assert Place.of('["stream", {"a": "17"}]') == Place("stream", {"a": 17}, 21)
