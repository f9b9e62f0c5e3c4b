"""Events from outside, well formed and not: everything is a change, an arrival, a refusal or nothing, and nothing ever raises."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parjanya.functions import arrivals, changes
from parjanya.functions.hostile import decoded, shown, text, whole
from parjanya.functions.telling import line
from tbie.backends.aws.changes import pattern
from tbie.core.keys import Address, ItemKey
from tbie.core.refusal import MOST_SHOWN
from tbie.reconciler.pushed import Row
from tbie.truth import OpenStage

sys.path.insert(0, str(Path(__file__).parents[2]))
from functions_ground import (
    DIGEST,
    JSON,
    TEST_EVENT,
    bridged,
    image,
    notification,
    queued,
    record,
    spoiled,
    stream,
)

names = st.text(max_size=30)


def open_row(tenant: str = "t", item: str = "i", stage: str = "technical") -> OpenStage:
    return OpenStage(
        ItemKey(tenant, item), stage, "v1", 1, "tok", 5, 0, 0, Address("uploads", f"{tenant}/{DIGEST}/{item}")
    )


# -- changes of open work


@given(st.lists(st.tuples(names, names, st.sampled_from(["technical", "preview"])), max_size=5))
def test_what_truth_writes_is_read_again(rows: list[tuple[str, str, str]]) -> None:
    found = changes.parse(json.loads(json.dumps(stream(open_row(*row) for row in rows))))
    assert found.rows == [Row(ItemKey(tenant, item), stage) for tenant, item, stage in rows]
    assert (found.refused, found.passed) == ([], 0)
    assert [change.sequence for change in found.changes] == [f"{n:021d}" for n in range(1, len(rows) + 1)]


def test_a_half_pair_in_a_name_survives_the_stream() -> None:
    assert changes.parse(stream([open_row(item="odd\udc80")])).rows == [Row(ItemKey("t", "odd\udc80"), "technical")]


def test_rows_of_other_kinds_and_rows_that_went_are_nothing_to_do() -> None:
    other = {**image(open_row()), "kind": {"S": "barrier"}}
    found = changes.parse(
        {"Records": [record(other, 1), record(None, 2, "REMOVE"), record(image(open_row()), 3, "REMOVE")]}
    )
    assert (found.changes, found.refused, found.passed) == ([], [], 3)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ({"eventSource": "aws:kinesis"}, "foreign_source"),
        ({"eventName": "DANCE"}, "unknown_event"),
        ({"dynamodb": {"SequenceNumber": "1"}}, "no_image"),
        ({"dynamodb": {"SequenceNumber": "1", "NewImage": {"kind": {"N": "1"}}}}, "no_image"),
        ({"dynamodb": {"SequenceNumber": "1", "NewImage": {**image(open_row()), "row": {"S": "{"}}}}, "unreadable_row"),
        (
            {"dynamodb": {"SequenceNumber": "1", "NewImage": {**image(open_row()), "row": {"S": "[]"}}}},
            "unreadable_row",
        ),
        (
            {"dynamodb": {"SequenceNumber": "1", "NewImage": {**image(open_row()), "row": {"S": '["t",1,"a"]'}}}},
            "unreadable_row",
        ),
        (
            {"dynamodb": {"SequenceNumber": "1", "NewImage": {**image(open_row()), "row": {"S": "[" * 100_000}}}},
            "unreadable_row",
        ),
        ({"dynamodb": {"NewImage": image(open_row())}}, "unreadable_row"),
    ],
)
def test_a_record_that_is_none_is_refused_with_its_reason_and_the_others_are_read(
    spoil: dict[str, Any], code: str
) -> None:
    good = record(image(open_row()), 2)
    found = changes.parse({"Records": [{**record(image(open_row()), 1), **spoil}, good]})
    assert [refused.code for refused in found.refused] == [code]
    assert [change.sequence for change in found.changes] == [f"{2:021d}"]
    assert all(len(refused.evidence) <= 10 * MOST_SHOWN and refused.evidence.isascii() for refused in found.refused)


@pytest.mark.parametrize("event", [None, [], {}, "Records", {"Records": {}}, 7, {"Records": None}])
def test_what_is_no_event_of_a_stream_is_one_refusal(event: object) -> None:
    assert [refused.code for refused in changes.parse(event).refused] == ["no_event"]


@given(JSON)
def test_anything_at_all_can_be_parsed(event: object) -> None:
    changes.parse(event)
    changes.parse({"Records": [event]})
    arrivals.parse(event)
    arrivals.parse({"Records": [event]})
    arrivals.parse(queued(json.dumps(event)))
    json.dumps(line("s", 0, [], {}, evidence=shown(event)))


@given(st.data())
def test_a_spoiled_record_is_a_change_a_refusal_or_nothing_and_spoils_no_other(data: st.DataObject) -> None:
    whole_record = record(image(open_row("a", "b")), 1)
    found = changes.parse({"Records": [spoiled(whole_record, data.draw), record(image(open_row("c", "d")), 2)]})
    assert len(found.changes) + len(found.refused) + found.passed == 2
    assert found.rows[-1:] == [Row(ItemKey("c", "d"), "technical")]


def test_the_filter_lets_through_what_the_parser_reads_and_nothing_else() -> None:
    wanted = pattern(["technical", "preview"])
    assert wanted == {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {"NewImage": {"kind": {"S": ["open"]}, "stage": {"S": ["preview", "technical"]}}},
    }


# -- what was uploaded

KEY = f"uploads/t/{DIGEST}/a!20b!2Bc.jpg"


def arrivals_of(event: object) -> list[tuple[str, str, int | None, str | None]]:
    return [(a.bucket, a.key, a.size, a.message) for a in arrivals.parse(event).arrivals]


def test_the_three_shapes_say_the_same() -> None:
    same = ("studio-images", KEY, 1_000)
    assert arrivals_of({"Records": [notification(KEY)]}) == [(*same, None)]
    assert arrivals_of(bridged(KEY)) == [(*same, None)]
    assert arrivals_of(queued({"Records": [notification(KEY)]}, bridged(KEY))) == [(*same, "m1"), (*same, "m2")]


@pytest.mark.parametrize(
    ("told", "key"),
    [
        ("uploads/a+b%2Bc.jpg", "uploads/a b+c.jpg"),
        ("uploads%2Fa+b.jpg", "uploads/a b.jpg"),
        ("uploads/%C3%BC%E2%98%82.jpg", "uploads/ü☂.jpg"),
        ("uploads/ü.jpg", "uploads/ü.jpg"),
        ("uploads/100%25.jpg", "uploads/100%.jpg"),
    ],
)
def test_a_notification_names_its_key_as_a_url_does(told: str, key: str) -> None:
    assert [a.key for a in arrivals.parse({"Records": [notification(told)]}).arrivals] == [key]


def test_event_bridge_names_its_key_as_it_is() -> None:
    assert [a.key for a in arrivals.parse(bridged("uploads/a+b%2Bc.jpg")).arrivals] == ["uploads/a+b%2Bc.jpg"]


@given(st.text(min_size=1, max_size=200).filter(lambda key: len(key.encode("utf-8", "replace")) <= 1_024))
def test_every_key_survives_quoting(key: str) -> None:
    from urllib.parse import quote_plus

    try:
        quoted = quote_plus(key, safe="/")
    except UnicodeEncodeError:
        return
    assert [a.key for a in arrivals.parse({"Records": [notification(quoted)]}).arrivals] == [key]


def test_times_are_s3s_own() -> None:
    told = [
        notification("uploads/a", time=time)
        for time in ("2026-11-26T05:00:00.123Z", "yesterday", "1969-01-01T00:00:00Z", "")
    ]
    assert [a.at_ms for a in arrivals.parse({"Records": told}).arrivals] == [1_795_669_200_123, None, None, None]


def test_a_test_of_the_connection_and_news_of_removals_are_nothing_to_do() -> None:
    removal = {**notification(KEY), "eventName": "ObjectRemoved:Delete"}
    for event in (
        TEST_EVENT,
        queued(TEST_EVENT),
        {"Records": [removal]},
        {**bridged(KEY), "detail-type": "Object Deleted"},
    ):
        found = arrivals.parse(event)
        assert (found.arrivals, found.refused, found.passed) == ([], [], 1)


@pytest.mark.parametrize(
    ("event", "code", "message"),
    [
        (queued("not json"), "unreadable_message", "m1"),
        (queued("[" * 100_000), "unreadable_message", "m1"),
        (queued({"hello": 1}), "no_event", "m1"),
        (queued(queued({"Records": []})), "foreign_source", "m1"),
        ({"Records": [{"eventSource": "aws:sns", "messageId": "x"}]}, "foreign_source", "x"),
        (queued({"Records": [notification("%FF%FE")]}), "unreadable_key", "m1"),
        (queued({"Records": [notification("")]}), "unreadable_key", "m1"),
        (queued({"Records": [notification("k" * 1_025)]}), "unreadable_key", "m1"),
        (queued({"Records": [notification(KEY, bucket="")]}), "no_bucket", "m1"),
        (bridged("a\udc80"), "unreadable_key", None),
    ],
)
def test_what_is_no_news_is_refused_under_the_name_of_its_message(
    event: object, code: str, message: str | None
) -> None:
    found = arrivals.parse(event)
    assert [(refused.code, refused.name) for refused in found.refused] == [(code, message)]
    assert found.arrivals == []


@given(st.data())
def test_spoiled_news_is_an_arrival_a_refusal_or_nothing_and_spoils_no_other(data: st.DataObject) -> None:
    good = {"Records": [notification("uploads/good")]}
    bad = spoiled({"Records": [notification("uploads/bad")]}, data.draw)
    found = arrivals.parse(queued(bad, good))
    assert ("uploads/good", "m2") in [(a.key, a.message) for a in found.arrivals]
    assert all(refused.name == "m1" for refused in found.refused)


# -- the readers under them


def test_numbers_may_be_written_in_digits_and_are_bounded() -> None:
    assert [whole(v) for v in (0, "12", 5, True, -1, 1.5, "x", "²", "9" * 21, None)] == [0, 12, 5] + [None] * 7
    assert text("", 5) is text("abcdef", 5) is text(7, 5) is None


def test_json_that_is_too_long_or_too_deep_is_none() -> None:
    assert decoded("[" * 200_000) is decoded(" " * 2_000_000) is decoded(b"{}") is decoded("nan?") is None


@given(JSON)
def test_what_is_shown_of_a_stranger_is_short_and_harmless(value: object) -> None:
    said = shown(value)
    assert said.isascii()
    assert said.isprintable()
    assert len(said) <= 10 * MOST_SHOWN
