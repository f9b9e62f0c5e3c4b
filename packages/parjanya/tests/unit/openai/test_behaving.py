"""A server that behaves: what is asked, what comes back, how much of it at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parjanya.observation import prompt, schema
from parjanya.testing.answers import levels
from parjanya.testing.behaviour import Ask
from parjanya.testing.model_server import ModelServer
from parjanya.vision.engine import Picture

sys.path.insert(0, str(Path(__file__).parents[2]))
from openai_tools import engine_for, jpeg, observed, picture, see, unanswered


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def test_every_picture_is_observed_and_each_differently(server: ModelServer) -> None:
    engine = engine_for(server.base_url)
    assert engine.attest() is None
    seen = [observed(what) for what in see(engine, [picture(number) for number in range(12)])]
    engine.close()
    assert len({str(what.observation) for what in seen}) == 12
    assert len(server.asked(schema.NAME)) == 12
    assert len(server.asked("probe")) == 1


def test_grades_are_the_mean_over_the_models_own_probabilities(server: ModelServer) -> None:
    engine = engine_for(server.base_url)
    (seen,) = see(engine, [picture()])
    engine.close()
    what = observed(seen)
    assert set(what.grades) == {"sharp", "clean", "composition", "light", "colour", "separation", "moment"}
    for name, grade in what.grades.items():
        expected = sum(level * share for level, share in levels(what.observation[name]).items())
        assert grade.expected == pytest.approx(expected, abs=1e-3)
        assert 0 < grade.entropy < 1


def test_what_ran_is_recorded(server: ModelServer) -> None:
    engine = engine_for(server.base_url)
    engine.attest()
    (seen,) = see(engine, [picture()])
    engine.close()
    ran = observed(seen).provenance
    assert ran["server"] == {"model": "test-vl", "fingerprint": "test-server-1"}
    assert ran["grid"] == [9, 6]
    assert ran["visual_tokens"] == {"sent": 54, "counted": 54, "as_declared": True}
    assert ran["pixel_budget"] == 64 * 1024
    assert ran["finish_reason"] == "stop"
    assert (ran["temperature"], ran["seed"], ran["attempt"]) == (0.0, 1, 1)
    assert ran["tokens"] > 54
    assert ran["new_tokens"] > 100
    assert ran["run_s"] >= 0


def test_a_server_that_blows_pictures_up_is_told_of(server: ModelServer) -> None:
    server.heeds_budget = False
    engine = engine_for(server.base_url)
    engine.attest()
    (seen,) = see(engine, [Picture("large", jpeg(0, (1200, 900)))])
    engine.close()
    counted = observed(seen).provenance["visual_tokens"]
    assert counted["as_declared"] is False


def test_a_picture_is_sent_within_its_pixel_budget(server: ModelServer) -> None:
    engine = engine_for(server.base_url, pixel_budget_px=256 * 1024)
    see(engine, [Picture("large", jpeg(0, (1600, 1200)))])
    engine.close()
    (ask,) = server.asks
    assert ask.size_px == (576, 416)


def test_later_attempts_ask_in_another_way(server: ModelServer) -> None:
    engine = engine_for(server.base_url)
    seen = [observed(see(engine, [picture(0, attempt)])[0]) for attempt in (1, 2, 3)]
    engine.close()
    assert [(ask.temperature, ask.seed) for ask in server.asks] == [(0.0, 1), (0.2, 2), (0.4, 3)]
    assert len({str(what.observation) for what in seen}) == 3


def test_the_picture_stands_between_the_two_parts_of_the_prompt(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[Any] = []
    begin = server.begin

    def noted(request: dict[str, Any], key: str) -> Ask:
        requests.append(request)
        return begin(request, key)

    monkeypatch.setattr(server, "begin", noted)
    engine = engine_for(server.base_url)
    see(engine, [picture()])
    engine.close()
    (request,) = requests
    system, user = request["messages"]
    assert system == {"role": "system", "content": prompt.SYSTEM}
    assert [part["type"] for part in user["content"]] == ["image_url", "text"]
    assert user["content"][1]["text"] == prompt.USER
    assert request["response_format"]["json_schema"]["strict"] is True
    assert request["response_format"]["json_schema"]["schema"] == schema.schema()
    assert next(iter(request["response_format"]["json_schema"]["schema"]["properties"])) == "medium"


def test_as_many_requests_as_allowed_are_under_way_and_no_more(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.hold.clear()
    engine = engine_for(server.base_url, in_flight=3)
    arrived = threading.Event()
    begin = server.begin

    def noted(request: dict[str, Any], key: str) -> Ask:
        ask = begin(request, key)
        if server.under_way == 3:
            arrived.set()
        return ask

    monkeypatch.setattr(server, "begin", noted)
    flow = engine.observe([picture(number) for number in range(8)], lambda _: None)
    first: list[object] = []
    reader = threading.Thread(target=lambda: first.append(next(flow)))
    reader.start()
    assert arrived.wait(30), "three requests were never under way together"
    server.hold.set()
    reader.join(30)
    assert len(list(flow)) == 7
    engine.close()
    assert server.highest == 3


def test_each_picture_is_begun_just_before_it_is_worked_on(server: ModelServer) -> None:
    begun: list[int] = []
    engine = engine_for(server.base_url, in_flight=2)
    pictures = [picture(number) for number in range(9)]
    for count, (position, _) in enumerate(engine.observe(pictures, begun.extend), 1):
        assert position in begun
        assert len(begun) <= count + 2 + 2
    engine.close()
    assert begun == list(range(9))


def test_nothing_is_begun_after_closing(server: ModelServer) -> None:
    server.hold.clear()
    begun: list[int] = []
    engine = engine_for(server.base_url, in_flight=2)
    flow = engine.observe([picture(number) for number in range(20)], begun.extend)
    threading.Timer(0.2, server.hold.set).start()
    next(flow)
    flow.close()
    known = list(begun)
    asked = len(server.asks)
    assert engine.attest() is None
    assert begun == known
    assert len(server.asked(schema.NAME)) == asked
    assert observed(see(engine, [picture()])[0])  # the engine itself goes on
    engine.close()


def test_an_engine_that_is_closed_under_a_waiting_caller_answers_it(server: ModelServer) -> None:
    server.behave("stall")
    engine = engine_for(server.base_url, read_timeout_s=60, total_timeout_s=60)
    flow = engine.observe([picture()], lambda _: threading.Timer(0.3, engine.close).start())
    (answer,) = list(flow)
    assert unanswered(answer[1]).counted is False


def test_no_pictures_are_no_answers(server: ModelServer) -> None:
    engine = engine_for(server.base_url)
    assert see(engine, []) == []
    engine.close()
    engine.close()
    assert engine.attest() is not None


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"GIF89a", jpeg()[:200], jpeg(1, (2000, 8))])
def test_a_preview_that_cannot_be_shown_is_terminal_and_asks_nobody(server: ModelServer, data: bytes) -> None:
    engine = engine_for(server.base_url)
    broken, fine = see(engine, [Picture("broken", data), picture()])
    engine.close()
    assert unanswered(broken).reason == "preview_unreadable"
    assert unanswered(broken).terminal
    assert observed(fine)
    assert len(server.asks) == 1


def test_the_key_goes_to_the_server_and_nowhere_else(server: ModelServer) -> None:
    server.key = "k-secret"
    engine = engine_for(server.base_url, key="k-secret")
    assert engine.attest() is None
    (seen,) = see(engine, [picture()])
    assert "k-secret" not in repr((seen, engine.identity(), engine._settings))
    assert {ask.authorization for ask in server.asks} == {"Bearer k-secret"}
    engine.close()


def test_no_connection_is_used_twice(server: ModelServer) -> None:
    engine = engine_for(server.base_url, in_flight=1)
    assert engine.attest() is None
    see(engine, [picture(number) for number in range(3)])
    engine.close()
    assert server.connections == server.models_asked + len(server.asks) == 5


def test_proxies_of_the_environment_are_not_asked(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    engine = engine_for(server.base_url)
    assert engine.attest() is None
    engine.close()


def test_where_the_server_is_is_no_part_of_what_it_is(server: ModelServer) -> None:
    here, there = engine_for(server.base_url), engine_for("http://elsewhere.invalid/v1")
    other = engine_for(server.base_url, "another-model")
    assert here.identity() == there.identity()
    assert here.identity() != other.identity()
    for engine in (here, there, other):
        engine.close()


@pytest.mark.parametrize("style", ["plain", "joined", "single", "coarse"])
def test_grades_are_right_or_absent_however_tokens_are_cut(server: ModelServer, style: str) -> None:
    server.style = style
    engine = engine_for(server.base_url)
    seen = observed(see(engine, [picture()])[0])
    engine.close()
    for name, grade in seen.grades.items():
        expected = sum(level * share for level, share in levels(seen.observation[name]).items())
        assert grade.expected == pytest.approx(expected, abs=1e-3)
    assert (len(seen.grades) == 7) == (style != "coarse")


def test_probabilities_are_wished_for_until_the_server_refuses_them_once(server: ModelServer) -> None:
    server.takes_logprobs = False
    engine = engine_for(server.base_url)
    seen = see(engine, [picture(0)])
    seen += see(engine, [picture(1), picture(2)])
    engine.close()
    assert [bool(observed(what).grades) for what in seen] == [False] * 3
    assert [ask.logprobs for ask in server.asks] == [True, False, False, False]


def test_a_server_that_refuses_probabilities_at_start_up_is_fit_without_them(server: ModelServer) -> None:
    server.takes_logprobs = False
    engine = engine_for(server.base_url)
    assert engine.attest() is None
    see(engine, [picture(0)])
    engine.close()
    assert [ask.logprobs for ask in server.asks] == [True, False, False]


def test_a_server_that_leaves_probabilities_out_is_taken_at_its_digits(server: ModelServer) -> None:
    server.gives_logprobs = False
    engine = engine_for(server.base_url)
    assert observed(see(engine, [picture(0)])[0]).grades == {}
    engine.close()
