"""Whether the server may be worked with: found out before the first picture, and again when it has been away."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from parjanya.observation import schema
from parjanya.testing.behaviour import Ask
from parjanya.testing.model_server import ModelServer
from parjanya.vision.openai import OpenaiEngine
from parjanya.vision.openai.inspection import Inspected
from tbie.core.clock import ManualClock
from tbie.execution import Drift

sys.path.insert(0, str(Path(__file__).parents[2]))
from openai_tools import SHORT, engine_for, observed, picture, see, unanswered


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def found(engine: OpenaiEngine) -> str:
    """What attest found wrong, as one text; "" if nothing."""
    drift = engine.attest()
    return "; ".join(f"{name}: {found}" for name, (_, found) in drift.differences.items()) if drift else ""


def test_a_fit_server_is_asked_three_things_at_start_up_and_nothing_at_the_next_heartbeats(server: ModelServer) -> None:
    engine = engine_for(server.base_url, clock=ManualClock())
    assert [engine.attest() for _ in range(5)] == [None] * 5
    engine.close()
    assert (server.models_asked, len(server.asks)) == (1, 1)


def test_a_server_that_ignores_the_schema_takes_no_work(server: ModelServer) -> None:
    server.heeds_schema = False
    engine = engine_for(server.base_url)
    assert "schema enforcement: answered freely: This is a lovely picture" in found(engine)
    engine.close()


def test_the_word_of_the_probe_is_drawn_anew_and_in_no_prompt(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, prompts = [], []
    begin = server.begin

    def noted(request: dict[str, Any], key: str) -> Ask:
        words.append(request["response_format"]["json_schema"]["schema"]["properties"]["word"]["enum"][0])
        prompts.append(str(request["messages"]))
        return begin(request, key)

    monkeypatch.setattr(server, "begin", noted)
    for _ in range(2):
        engine = engine_for(server.base_url)
        assert engine.attest() is None
        engine.close()
    assert len(set(words)) == 2
    assert not any(word in text for word in words for text in prompts)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("error", "HTTP 500: misbehaving: error"),
        ("bad_request", "HTTP 400: misbehaving"),
        ("redirect", "sends elsewhere, which is not followed"),
        ("wrong_type", "answered: <html>"),
        ("garbage", "unreachable"),
        ("other_json", "answered freely"),
        ("markup", "answered freely: ```json"),
        ("truncate", "answered freely"),
        ("busy", "wants to be left alone for 3 s"),
        ("close_mid_body", "unreachable"),
    ],
)
def test_a_server_that_cannot_answer_the_probe_takes_no_work(server: ModelServer, kind: str, said: str) -> None:
    server.behave(kind)
    engine = engine_for(server.base_url)
    assert said in found(engine)
    engine.close()


def test_a_model_that_takes_no_pictures_is_found_before_the_first_picture(server: ModelServer) -> None:
    server.takes_pictures = False
    engine = engine_for(server.base_url)
    assert "HTTP 400: this model does not support images" in found(engine)
    engine.close()


def test_a_model_that_is_not_served_is_named_with_those_that_are(server: ModelServer) -> None:
    engine = engine_for(server.base_url, "qwen")
    assert found(engine) == "model: not served; the server has test-vl"
    engine.close()


def test_a_name_without_tag_is_the_latest(server: ModelServer) -> None:
    server.model = "qwen3-vl:latest"
    engine = engine_for(server.base_url, "qwen3-vl")
    assert "not served" not in found(engine)
    engine.close()


@pytest.mark.parametrize(
    ("key", "said"), [("wrong", "the key was refused (HTTP 401)"), ("", "it wants a key (HTTP 401)")]
)
def test_a_refused_key_is_a_drift_that_does_not_show_it(server: ModelServer, key: str, said: str) -> None:
    server.key = "right"
    engine = engine_for(server.base_url, key=key)
    assert said in found(engine)
    assert "wrong" not in found(engine)
    engine.close()


def test_a_key_that_is_taken_away_while_working_charges_nobody(server: ModelServer) -> None:
    engine = engine_for(server.base_url, key="k-1")
    assert engine.attest() is None
    server.key = "k-2"
    what = unanswered(see(engine, [picture()])[0])
    assert (what.reason, what.counted) == ("model_unreachable", False)
    assert "the key was refused" in str(what.evidence)
    assert "k-1" not in str(what.evidence)
    assert "the key was refused" in found(engine)
    engine.close()


def test_a_dead_server_is_looked_for_less_and_less_often_and_never_less_than_every_few_seconds(
    server: ModelServer,
) -> None:
    clock = ManualClock()
    server.behave("error")
    engine = engine_for(server.base_url, clock=clock)
    asked = []
    for _ in range(300):  # thirty seconds of heartbeats, ten a second
        assert engine.attest() is not None
        asked.append(server.models_asked)
        clock.advance_ms(100)
    engine.close()
    looks = [index / 10 for index in range(1, 300) if asked[index] != asked[index - 1]]
    assert looks[:4] == [0.5, 1.5, 3.5, 7.5]
    assert all(5 <= later - earlier <= 5.2 for earlier, later in pairwise(looks[3:]))


def test_a_server_that_returns_is_used_again(server: ModelServer) -> None:
    clock = ManualClock()
    engine = engine_for(server.base_url, clock=clock)
    assert engine.attest() is None
    server.behave("close_at_once")
    assert unanswered(see(engine, [picture()])[0]).counted is False
    asked = len(server.asks)
    assert unanswered(see(engine, [picture()])[0]).counted is False
    assert len(server.asks) == asked, "an unfit server was asked about a picture"
    server.behave(None)
    assert engine.attest() is not None, "it was looked at before it was due"
    clock.advance_ms(600)
    assert engine.attest() is None
    assert observed(see(engine, [picture()])[0])
    engine.close()


def test_a_server_that_comes_back_without_enforcing_the_schema_is_not_used(server: ModelServer) -> None:
    clock = ManualClock()
    engine = engine_for(server.base_url, clock=clock)
    assert engine.attest() is None
    server.behave("error")
    see(engine, [picture()])
    server.behave(None)
    server.heeds_schema = False
    clock.advance_ms(10_000)
    assert "schema enforcement" in found(engine)
    engine.close()


def test_another_model_behind_the_same_address_is_noticed_at_a_heartbeat(server: ModelServer) -> None:
    clock = ManualClock()
    engine = engine_for(server.base_url, clock=clock)
    assert engine.attest() is None
    server.model = "another-model"
    clock.advance_ms(14_000)
    assert engine.attest() is None
    clock.advance_ms(2_000)
    assert found(engine) == "model: not served; the server has another-model"
    engine.close()


def test_a_stalling_server_does_not_hold_up_a_heartbeat(server: ModelServer) -> None:
    clock = ManualClock()
    engine = engine_for(server.base_url, clock=clock, check_timeout_s=0.05)
    assert engine.attest() is None
    server.behave("error")
    see(engine, [picture()])
    server.behave("stall")
    clock.advance_ms(10_000)
    asked = len(server.asks)
    assert all(engine.attest() is not None for _ in range(5))
    assert len(server.asks) <= asked + 1, "a second check was begun beside the first"
    engine.close()


def test_a_check_that_breaks_is_a_drift_and_the_next_one_may_succeed(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    engine = engine_for(server.base_url, clock=clock)
    with monkeypatch.context() as broken:
        broken.setattr(engine._inspector, "_judge", lambda *_: 1 / 0)
        assert "ZeroDivisionError" in found(engine)
        clock.advance_ms(1_000)
        assert "ZeroDivisionError" in found(engine)
    clock.advance_ms(10_000)
    assert engine.attest() is None
    engine.close()


def test_a_server_that_is_loading_its_model_is_waited_for_at_start_up(server: ModelServer) -> None:
    server.schedule = lambda ask: "stall" if ask.number == 1 else None
    clock = ManualClock()
    engine = engine_for(server.base_url, clock=clock, **{**SHORT, "probe_timeout_s": 0.5})
    assert "unreachable: no whole answer within" in found(engine)
    clock.advance_ms(1_000)
    assert engine.attest() is None
    engine.close()
    assert len(server.asked(schema.NAME)) == 0


def test_a_glance_does_not_undo_what_was_found_wrong_while_it_looked(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    engine = engine_for(server.base_url, clock=clock)
    assert engine.attest() is None
    real = engine._inspector.glance

    async def slow(total_s: float = 10.0) -> Inspected:
        looked = await real(total_s)
        engine._standing.is_unfit(Drift({"schema enforcement": ("kept", "answered freely")}))  # a witness, meanwhile
        return looked

    monkeypatch.setattr(engine._inspector, "glance", slow)
    clock.advance_ms(20_000)
    assert found(engine) == "schema enforcement: answered freely"
    monkeypatch.undo()
    clock.advance_ms(5_000)
    assert found(engine) == "", "the next look is a whole one, and finds it mended"
    engine.close()
