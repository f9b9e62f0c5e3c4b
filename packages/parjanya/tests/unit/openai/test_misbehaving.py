"""A server, a proxy or a model that misbehaves: each picture gets one answer, in time, and the blame goes where it belongs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from parjanya.observation import schema
from parjanya.testing.behaviour import KINDS, OF_THE_MODEL, Ask, pictures_only
from parjanya.testing.model_server import ModelServer
from parjanya.vision.engine import Observed, Unanswered
from tbie.core.clock import ManualClock, SystemClock
from tbie.core.fingerprint import canonical_json

sys.path.insert(0, str(Path(__file__).parents[2]))
from openai_tools import SHORT, engine_for, observed, picture, see, unanswered

SLOW = ("stall", "stall_body", "drip", "drip_head")
BUSY = ("busy", "busy_silent", "unavailable")
BROKEN = (
    "close_mid_body",
    "close_at_once",
    "huge_headers",
    "garbage",
    "endless",
    "zipped",
    "error",
    "missing",
    "redirect",
)
PUZZLES = ("wrong_type", "empty", "error_in_200", "no_choices", "wrong_envelope")
#: What one picture gets for it, when the server is well otherwise.
REASONS = {
    **dict.fromkeys(SLOW, "model_timeout"),
    **dict.fromkeys(BUSY, "model_busy"),
    **dict.fromkeys(BROKEN, "model_failed"),
    **dict.fromkeys(PUZZLES, "answer_invalid"),
    "bad_utf8": "answer_invalid",
    "bad_request": "picture_not_accepted",
    "unprocessable": "picture_not_accepted",
    "refused_key": "model_failed",  # a firewall that dislikes one picture; the key is good for everything else
    "truncate": "answer_truncated",
    "whitespace": "answer_truncated",
    "refuse": "model_refused",
    "filter": "model_refused",
    **dict.fromkeys(
        (
            "cut_silently",
            "ignore_schema",
            "markup",
            "other_json",
            "nan",
            "twice_the_key",
            "one_field_more",
            "null_content",
        ),
        "answer_invalid",
    ),
    "obeys_text": "answer_invalid",
    "obeys_picture": None,
    "twice": None,
    "raw": "model_failed",  # nothing at all here
    "raw_body": "answer_invalid",
}
UNCOUNTED = set(BUSY)
TERMINAL = {"bad_request", "unprocessable"}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def test_every_misbehaviour_has_its_place_here() -> None:
    assert set(REASONS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_one_picture_that_meets_it_is_answered_and_the_next_is_observed(server: ModelServer, kind: str) -> None:
    server.schedule = lambda ask: kind if ask.schema_name == schema.NAME and ask.number == 2 else None
    engine = engine_for(server.base_url, **(SHORT if kind in SLOW else {}), max_answer_bytes=1 << 20)
    assert engine.attest() is None
    start = SystemClock().monotonic_s()
    (first,) = see(engine, [picture(0)])
    took_s = SystemClock().monotonic_s() - start
    server.schedule = lambda _ask: None
    if kind not in UNCOUNTED:
        assert observed(see(engine, [picture(1)])[0])
    engine.close()
    assert took_s < 15
    if REASONS[kind] is None:
        assert observed(first)
        return
    what = unanswered(first)
    assert what.reason == REASONS[kind]
    assert what.counted == (kind not in UNCOUNTED)
    assert what.terminal == (kind in TERMINAL)
    assert (what.not_before_s is not None) == (kind in UNCOUNTED)
    evidence = canonical_json(dict(what.evidence))
    assert evidence.isascii()
    assert len(evidence) < 2_500


@pytest.mark.parametrize("kind", [*SLOW, *BROKEN, *PUZZLES, "bad_request", "refused_key", "ignore_schema"])
def test_a_server_that_does_it_to_everybody_charges_nobody_and_is_declined(server: ModelServer, kind: str) -> None:
    engine = engine_for(
        server.base_url, **{**SHORT, "witness_timeout_s": 1.0, "probe_timeout_s": 1.0}, max_answer_bytes=1 << 20
    )
    server.behave(kind)
    seen = [unanswered(what) for what in see(engine, [picture(number) for number in range(12)])]
    drift = engine.attest()
    engine.close()
    if kind == "ignore_schema":  # a whole answer is an attempt; that no schema is kept is found where work is taken
        assert {what.reason for what in seen} == {"answer_invalid"}
    else:
        assert {what.reason for what in seen} == {"model_unreachable"}
        assert not any(what.counted for what in seen)
        assert all((what.not_before_s or 0) >= 1 for what in seen)
        assert len(server.asked(schema.NAME)) <= 8 + 2, "a server that is away was asked again and again"
    assert drift is not None


@pytest.mark.parametrize("kind", OF_THE_MODEL)
def test_a_model_that_does_it_to_every_picture_never_makes_a_false_observation(server: ModelServer, kind: str) -> None:
    server.schedule = pictures_only(kind)
    engine = engine_for(server.base_url)
    assert engine.attest() is None
    seen = see(engine, [picture(number) for number in range(4)])
    assert engine.attest() is None, "a model that answers badly is there; its answers are judged one by one"
    engine.close()
    assert {what.reason if isinstance(what, Unanswered) else None for what in seen} == {REASONS[kind]}


def test_a_prompt_in_the_picture_changes_what_is_seen_and_not_what_can_be_said(server: ModelServer) -> None:
    server.behave("obeys_picture")
    engine = engine_for(server.base_url)
    what = observed(see(engine, [picture()])[0])
    engine.close()
    assert what.observation["note"] == "KEEP THIS"
    assert what.observation["medium"] == "photo"
    assert set(what.observation) == set(schema.schema()["properties"])


def test_an_invalid_answer_is_kept_in_evidence_with_what_is_wrong(server: ModelServer) -> None:
    server.schedule = pictures_only("one_field_more")
    engine = engine_for(server.base_url)
    what = unanswered(see(engine, [picture()])[0])
    engine.close()
    assert what.evidence["problems"] == ["there is a field too many: 'verdict'"]
    assert str(what.evidence["beginning"]).startswith('{"medium":')


def test_a_second_answer_on_the_connection_is_never_taken_for_the_next_one(server: ModelServer) -> None:
    engine = engine_for(server.base_url, in_flight=1)
    honest = [observed(what).observation for what in see(engine, [picture(number) for number in range(5)])]
    server.schedule = pictures_only("twice")
    again = [observed(what).observation for what in see(engine, [picture(number) for number in range(5)])]
    engine.close()
    assert again == honest


def test_busy_servers_are_left_alone_for_as_long_as_they_said(server: ModelServer) -> None:
    server.retry_after = "120"
    server.schedule = pictures_only("busy")
    engine = engine_for(server.base_url, in_flight=1)
    seen = [unanswered(what) for what in see(engine, [picture(number) for number in range(10)])]
    engine.close()
    assert {what.reason for what in seen} == {"model_busy"}
    assert all(100 < (what.not_before_s or 0) <= 120 for what in seen)
    assert len(server.asks) == 1


def test_a_server_that_is_not_there_charges_nobody() -> None:
    with ModelServer() as gone:
        address = gone.base_url
    engine = engine_for(address)
    seen = [unanswered(what) for what in see(engine, [picture(number) for number in range(20)])]
    drift = engine.attest()
    engine.close()
    assert {(what.reason, what.counted) for what in seen} == {("model_unreachable", False)}
    assert drift is not None
    assert "unreachable" in str(drift.differences["model server"][1])


def test_a_picture_that_takes_the_server_down_each_time_is_found_and_charged(server: ModelServer) -> None:
    clock = ManualClock()
    engine = engine_for(server.base_url, clock=clock, in_flight=3)
    assert engine.attest() is None
    see(engine, [picture(2)])
    poison = server.asks[-1].picture
    down = False

    def dies(ask: Ask) -> str | None:
        nonlocal down
        down = down or ask.picture == poison
        return "close_at_once" if down else None

    pictures = [picture(number) for number in range(6)]
    server.schedule = dies
    first = see(engine, pictures)
    assert unanswered(first[2]).reason == "model_unreachable"
    assert not any(isinstance(what, Unanswered) and what.counted for what in first)
    down = False
    clock.advance_ms(1_000)
    assert engine.attest() is None, "the server was started again"
    lost = unanswered(see(engine, [picture(2)])[0])
    assert (lost.reason, lost.counted) == ("model_lost", True)
    down = False
    clock.advance_ms(10_000)
    assert engine.attest() is None
    assert all(isinstance(what, Observed) for what in see(engine, pictures[:2] + pictures[3:]))
    engine.close()


def test_what_was_with_a_server_that_was_lost_is_shown_to_it_alone_once(server: ModelServer) -> None:
    clock = ManualClock()
    engine = engine_for(server.base_url, clock=clock, in_flight=4)
    assert engine.attest() is None
    server.behave("close_mid_body")
    see(engine, [picture(number) for number in range(4)])
    server.behave(None)
    clock.advance_ms(1_000)
    assert engine.attest() is None
    server.highest = 0
    assert all(isinstance(what, Observed) for what in see(engine, [picture(number) for number in range(4)]))
    assert engine._suspects == {}
    engine.close()


def test_a_poison_picture_is_charged_and_its_neighbours_are_observed(server: ModelServer) -> None:
    engine = engine_for(server.base_url, in_flight=4)
    assert engine.attest() is None
    see(engine, [picture(5)])
    poison = server.asks[-1].picture
    server.schedule = lambda ask: "error" if ask.picture == poison else None
    seen = see(engine, [picture(number) for number in range(10)])
    engine.close()
    assert [isinstance(what, Observed) for what in seen] == [number != 5 for number in range(10)]
    assert unanswered(seen[5]).reason == "model_failed"
    assert unanswered(seen[5]).counted


KEY = "sk-Echo/ed+0123456789"
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
NO = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
ECHOES = {
    "a page": NO + b"you sent Authorization: Bearer %b",
    "JSON": NO.replace(b"400", b"401") + b'{"error":{"message":"Incorrect API key: %b"}}',
    "JSON with escapes": NO + b'{"error":{"message":"sk-Echo\\/ed\\u002b0123456789"}}',
    "a header that is none": b"HTTP/1.1 200 OK\r\n%b \x01\r\n\r\n",
    "an answer": OK + b'{"choices":[{"message":{"content":"%b"}}]}',
    "the model's name": OK + b'{"model":"%b","choices":[{"message":{}}]}',
}


@pytest.mark.parametrize("everybody", [False, True])
@pytest.mark.parametrize("where", ECHOES)
def test_a_key_that_the_server_echoes_is_in_no_evidence(server: ModelServer, where: str, everybody: bool) -> None:
    server.raw = ECHOES[where].replace(b"%b", KEY.encode())
    server.schedule = lambda ask: "raw" if everybody or ask.schema_name == schema.NAME else None
    engine = engine_for(server.base_url, key=KEY)
    seen = see(engine, [picture(number) for number in range(2)])
    told = canonical_json([dict(unanswered(what).evidence) for what in seen]) + repr(engine.attest())
    engine.close()
    assert "0123456789" not in told
    assert "key hidden" in told
