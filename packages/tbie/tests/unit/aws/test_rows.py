"""Items as rows and back: whatever an item holds comes back as it was, and no row is larger than DynamoDB takes."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tbie.backends.aws import entries, rows
from tbie.backends.aws.rows import SPILL_BYTES, Attributes
from tbie.core.cause import Cause
from tbie.core.errors import TruthUnavailableError
from tbie.core.keys import Address
from tbie.history import brief, plain
from tbie.lifecycle import Change
from tbie.testing.builders import WHO, key
from tbie.truth import StageRecord, StageState

_WHOLE = re.compile("[\ud800-\udbff][\udc00-\udfff]")
"""Two halves that stand together are one character for JSON, in every store alike."""
TEXT = st.text(st.characters(codec=None, categories=None), max_size=8).map(lambda text: _WHOLE.sub("☂", text))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=3,
)
FACTS = st.dictionaries(TEXT, JSON, max_size=2)
RECORDS = st.builds(
    StageRecord,
    st.sampled_from(["a", "b", "c_1"]),
    st.sampled_from(StageState),
    TEXT,
    st.integers(1, 9),
    TEXT,
    st.integers(0, 9),
    st.integers(0, 2**45),
    st.integers(0, 2**45),
    st.integers(0, 2**45),
    st.none() | TEXT | st.just("barrier"),
    st.booleans(),
    st.none() | FACTS,
    st.none() | FACTS,
    st.integers(0, 5),
)


def noise(seed: int, count: int) -> list[float]:
    """What no compression makes small."""
    return [math.sin(100_000 * seed + number) for number in range(count)]


def fetched(written: rows.Written) -> dict[str, bytes]:
    """The spilled documents, read from their pieces as they are stored."""
    whole = {}
    for place, packed in written.spilled.items():
        stored = rows.pieces(key(), place, packed)
        assert [(row["pk"]["S"], row["sk"]["S"]) for row in stored] == rows.piece_keys(key(), place)
        assert all(rows.size_of(row) < 400_000 for row in stored)
        whole[place] = b"".join(row["b"]["B"] for row in stored)
    return whole


@settings(max_examples=50)
@given(st.lists(RECORDS, max_size=2), TEXT, TEXT, FACTS, TEXT)
def test_an_item_and_its_change_come_back_as_they_were(
    records: list[StageRecord], bucket: str, name: str, attributes: dict[str, Any], why: str
) -> None:
    change = Change(tuple(records), Cause("who", why), Address(bucket, name), attributes)
    written = rows.changed(rows.new(key(), Address("", ""), 5), change, 7, 9)
    there = fetched(written)
    row = rows.item_row(written.stored)
    item = rows.item(rows.stored(row, True, there), there)
    last = {record.stage: record for record in records}
    assert (item.key, item.address, item.attributes, item.created_ms) == (key(), (bucket, name), attributes, 5)
    assert item.stages == last
    assert {n: [type(v) for v in (r.facts or {}).values()] for n, r in item.stages.items()} == {
        n: [type(v) for v in (r.facts or {}).values()] for n, r in last.items()
    }
    entry = rows.history_entry(key(), written.entry, there)
    assert (entry.seq, entry.at_ms, entry.cause, entry.key) == (9, 7, ("who", why), key())
    told = dict(entry.after)
    assert told.pop("@item") == {"address": [bucket, name], "attributes": attributes}
    assert told == {n: plain(record) for n, record in last.items()}
    assert rows.key_of(row) == key()


@settings(max_examples=30)
@given(st.lists(RECORDS, max_size=2), st.lists(RECORDS, max_size=2))
def test_what_a_change_does_not_touch_stays_and_index_rows_become_those_of_the_new_item(
    first: list[StageRecord], second: list[StageRecord]
) -> None:
    one = rows.changed(rows.new(key(), Address("b", "k"), 5), Change(tuple(first), WHO, Address("b", "k"), {}), 7, 1)
    read = rows.stored(rows.item_row(one.stored), False, {})  # a commit reads no facts, and keeps them all the same
    two = rows.changed(read, Change(tuple(second), WHO), 8, 2)
    expected = {record.stage: record for record in (*first, *second)}
    there = fetched(one) | fetched(two)
    assert rows.item(rows.stored(rows.item_row(two.stored), True, there), there).stages == expected
    before = {r.stage: brief(r) for r in first}
    assert rows.history_entry(key(), two.entry, there).before == {
        r.stage: before[r.stage] for r in second if r.stage in before
    }
    index = entries.entries(one.stored)
    put, delete = entries.difference(one.stored, two.stored)
    after: dict[entries.EntryKey, Attributes] = {k: row for k, row in index.items() if k not in delete}
    after |= {(row["pk"]["S"], row["sk"]["S"]): row for row in put}
    assert after == entries.entries(two.stored)
    assert len(put) + len(delete) <= len(index) + len(after)


def done(stage: str, facts: dict[str, Any]) -> StageRecord:
    return StageRecord(stage, StageState.COMPLETED, "v1", 1, "t", 1, 1, 1, facts=facts)


def test_large_facts_lie_beside_the_row_and_small_ones_in_it() -> None:
    large, small = done("large", {"x": noise(1, 10_000)}), done("small", {"x": 1})
    written = rows.changed(rows.new(key(), Address("b", "k"), 5), Change((large, small), WHO), 7, 1)
    (place,) = written.spilled
    assert rows.places(rows.item_row(written.stored), rows.ALL) == [place]
    assert rows.places(written.entry, rows.ALL) == [place], "row and history point to the same pieces"
    assert rows.size_of(rows.item_row(written.stored)) < 2_000
    later = rows.changed(written.stored, Change((done("small", {"x": 2}),), WHO), 8, 2)
    assert later.spilled == {}, "they are not written again with every change"
    assert rows.places(rows.item_row(later.stored), rows.ALL) == [place]


def test_many_documents_that_are_each_small_do_not_make_a_row_too_large() -> None:
    stored = rows.new(key(), Address("b", "k"), 5)
    for number in range(60):
        facts = {"x": noise(number, 1_500)}
        assert len(rows.pack(facts)) < SPILL_BYTES
        written = rows.changed(stored, Change((done(f"s{number}", facts),), WHO), 7, number + 1)
        stored = written.stored
        assert rows.size_of(rows.item_row(stored)) < 330_000
        assert rows.size_of(written.entry) < 330_000


def test_a_document_of_megabytes_is_in_pieces() -> None:
    written = rows.changed(
        rows.new(key(), Address("b", "k"), 5), Change((done("a", {"x": noise(1, 120_000)}),), WHO), 7, 1
    )
    ((place, packed),) = written.spilled.items()
    assert len(rows.piece_keys(key(), place)) == -(-len(packed) // rows.PIECE_BYTES) >= 3
    assert fetched(written) == written.spilled


@pytest.mark.parametrize("value", [math.nan, math.inf, object(), b"bytes"])
def test_what_is_not_json_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        rows.pack({"x": value})


def test_a_row_of_a_later_version_is_not_guessed_at() -> None:
    written = rows.changed(rows.new(key(), Address("b", "k"), 5), Change((done("a", {}),), WHO), 7, 1)
    row = rows.item_row(written.stored)
    row["r"] = {"B": rows.pack([9, *rows.unpack(row["r"]["B"])[1:]])}
    with pytest.raises(TruthUnavailableError, match="format 9, this version knows 1: upgrade"):
        rows.stored(row, True, {})
