"""Keys of DynamoDB: whatever a name is, its key is valid, bounded, its own, and in its place."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from tbie.backends.aws.keys import (
    BESIDE,
    SHARDS,
    ascii_key,
    ascii_name,
    digest,
    history_pk,
    history_sk,
    item_key,
    name_key,
    open_pk,
    shard_of,
    sort_key,
)
from tbie.core.keys import ItemKey
from tbie.testing.conformance.truth_strings import HOSTILE

NAMES = st.one_of(
    st.text(max_size=30),
    st.text(st.characters(codec=None, categories=None), max_size=30),  # half pairs, too
    st.text(alphabet="ab\x00\ud7ff\ud800\udbff\udc00\udfff\ue000\ue001\uffff\U00010000#z=d8", max_size=12),
    st.builds(lambda n, end: "x" * n + end, st.integers(890, 2_000), st.text(alphabet="x☂\ud800", max_size=4)),
    st.sampled_from(HOSTILE),
)


@given(NAMES, NAMES)
@example("\ud7ff", "\ud800")
@example("\udfff", "\ue000")
@example("\ue000", "\ue001")
@example("\ue000d800", "\ud800")
@example("a", "a\x00")
@example("x" * 900, "x" * 901)
def test_keys_are_apart_where_names_are_and_in_their_order(one: str, two: str) -> None:
    first, second = (sort_key(name).encode() for name in (one, two))
    assert (first == second) == (one == two)
    if max(len(first), len(second)) <= 900:
        assert (first < second) == (one < two)


@given(NAMES, NAMES, st.integers(0, SHARDS - 1))
def test_keys_are_valid_and_bounded(tenant: str, item: str, shard: int) -> None:
    key = ItemKey(tenant, item)
    pk, sk = item_key(key)
    for text, most in ((pk, 2_048), (sk, 1_024), (history_pk(key), 2_048), (open_pk("open", tenant, shard), 2_048)):
        assert 1 <= len(text.encode()) <= most  # encodes at all: no half pair is left
    assert sk.startswith("=")


@given(NAMES, NAMES, NAMES, NAMES)
@example("a", "b#c", "a#b", "c")
@example("1", "2#3", "1#2", "3")
def test_two_items_share_nothing(a: str, b: str, c: str, d: str) -> None:
    one, two = ItemKey(a, b), ItemKey(c, d)
    same = one == two
    assert (item_key(one) == item_key(two)) == same
    assert (history_pk(one) == history_pk(two)) == same
    assert (digest(one) == digest(two)) == same


@given(st.integers(0, 2**60), st.integers(0, 2**60))
def test_changes_sort_by_number_and_before_what_lies_beside_them(one: int, two: int) -> None:
    assert (history_sk(one) < history_sk(two)) == (one < two)
    assert max(history_sk(one), history_sk(two)) < BESIDE


@given(NAMES.filter(lambda name: not re.search("[\ud800-\udbff][\udc00-\udfff]", name)))  # one character for JSON
def test_names_of_attributes_come_back(name: str) -> None:
    assert ascii_name(ascii_key(name)) == name
    assert ascii_key(name).isascii()


def test_a_short_name_stands_in_its_key_as_it_is() -> None:
    assert name_key("2024/shoot one/IMG_0001.jpg") == "2024/shoot one/IMG_0001.jpg"


def test_items_of_one_tenant_are_spread_evenly() -> None:
    found = [shard_of(digest(ItemKey("t", f"{n}"))) for n in range(4_000)]
    counts = [found.count(shard) for shard in range(SHARDS)]
    assert sum(counts) == 4_000
    assert min(counts) > 4_000 / SHARDS * 0.85
