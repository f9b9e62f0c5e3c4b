"""Whatever bytes come back, each picture is answered once and nothing is raised."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parjanya.testing.behaviour import pictures_only
from parjanya.testing.model_server import ModelServer
from parjanya.vision.engine import Engine, Observed, Unanswered
from parjanya.vision.openai import OpenaiEngine
from parjanya.vision.openai.answer import Puzzle, Shown, read
from parjanya.vision.openai.picture import Prepared
from parjanya.vision.openai.replies import Reply
from tbie.core.fingerprint import canonical_json

sys.path.insert(0, str(Path(__file__).parents[2]))
from observed import JUNK, altered, observations
from openai_tools import engine_for, picture, see

REASONS = {"answer_invalid", "answer_truncated", "model_refused", "model_failed", "model_timeout", "model_busy"} | {
    "picture_not_accepted",
    "model_unreachable",
    "model_lost",
}
SHOWN = Shown(Prepared("data:", (256, 256)), 65_536, 1, 700)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def envelope(content: Any, finish: Any, logprobs: Any, usage: Any) -> dict[str, Any]:
    choice = {
        "index": 0,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": content},
        "logprobs": logprobs,
    }
    return {"id": "x", "model": "m", "choices": [choice], "usage": usage}


@st.composite
def envelopes(draw: st.DrawFn) -> Any:
    """Completions that are right, nearly right, or right in form and wrong in everything else."""
    content = draw(observations().map(json.dumps) | altered().map(json.dumps) | st.text(max_size=50) | JSON)
    token = st.fixed_dictionaries(
        {"token": st.text(max_size=3), "logprob": st.floats() | st.none(), "top_logprobs": JSON}
    )
    logprobs = draw(st.none() | JSON | st.fixed_dictionaries({"content": st.lists(token | JSON, max_size=5)}))
    whole: Any = envelope(
        content, draw(st.sampled_from(["stop", "length", "content_filter", None, 3])), logprobs, draw(JSON)
    )
    match draw(st.integers(0, 6)):
        case 0:
            whole["choices"] = draw(JSON)
        case 1:
            whole["choices"][0]["message"] = draw(JSON)
        case 2:
            whole["choices"][0]["message"]["refusal"] = draw(JSON)
        case 3:
            whole = draw(JSON)
    return whole


@pytest.fixture(scope="module")
def lying() -> Iterator[tuple[ModelServer, OpenaiEngine]]:
    with ModelServer() as server:
        server.schedule = pictures_only("raw")
        engine = engine_for(server.base_url)
        checked: Engine = engine
        assert checked.attest() is None
        yield server, engine
        engine.close()


def is_in_order(what: object) -> bool:
    """Whether *what* is an answer whose evidence can be stored and shown."""
    if isinstance(what, Observed):
        return len(canonical_json({**what.observation, **what.provenance})) < 4_000
    assert isinstance(what, Unanswered)
    said = canonical_json(dict(what.evidence))
    return what.reason in REASONS and said.isascii() and len(said) < 4_000


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PIECES = st.sampled_from(
    [
        *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200\r\n", b"HTTP/1.1 999 ?\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        *(b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 99999999999999999999\r\n"),
        *(b"Transfer-Encoding: chunked\r\n", b"ffffffffffffffff\r\n", b"0\r\n\r\n", b"\r\n", b"\n", b"\0", b": \r\n"),
        *(b"Content-Encoding: br\r\n", b"Retry-After: soon\r\n", b"{}", b"[", b'{"choices":[{"message":{"content":"'),
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=60) | st.lists(PIECES | st.binary(max_size=8), max_size=8).map(b"".join))
def test_any_bytes_instead_of_http_are_one_answer(lying: tuple[ModelServer, OpenaiEngine], data: bytes) -> None:
    server, engine = lying
    server.raw = data
    server.schedule = pictures_only("raw")
    (what,) = see(engine, [picture()])
    assert is_in_order(what)
    assert isinstance(what, Unanswered)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=100) | envelopes().map(lambda whole: json.dumps(whole).encode()))
def test_any_body_is_one_answer(lying: tuple[ModelServer, OpenaiEngine], data: bytes) -> None:
    server, engine = lying
    server.raw = data
    server.schedule = pictures_only("raw_body")
    (what,) = see(engine, [picture()])
    assert is_in_order(what)


@settings(max_examples=150, deadline=None)
@given(envelopes() | JUNK)
def test_any_envelope_is_read_without_raising(whole: Any) -> None:
    what = read(Reply(200, json.dumps(whole).encode()), SHOWN)
    assert isinstance(what, Puzzle) or is_in_order(what)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"9" * 100_000,
        b'{"choices":' + b"[" * 5_000,
        b'{"choices": NaN}',
        b"\xff" * 10,
        b"",
    ],
    ids=["brackets", "objects", "digits", "choices", "nan", "bytes", "nothing"],
)
def test_a_body_made_to_break_a_parser_is_a_puzzle(body: bytes) -> None:
    assert isinstance(read(Reply(200, body), SHOWN), Puzzle)
