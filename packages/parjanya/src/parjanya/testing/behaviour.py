"""How the test server may misbehave: one word each. Everything here has been seen of real servers, proxies or models.

Caller: ``model_server``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: The connection, as HTTP sees it: nothing of these is an answer.
OF_THE_SERVER = (
    "stall",  # takes the request and says nothing
    "stall_body",  # sends the head of an answer and then nothing
    "drip",  # sends an answer byte by byte, slowly
    "drip_head",  # sends the head byte by byte, slowly
    "busy",  # 429 with Retry-After
    "busy_silent",  # 429 without
    "unavailable",  # 503 with Retry-After
    "error",  # 500
    "bad_request",  # 400
    "unprocessable",  # 422
    "missing",  # 404
    "refused_key",  # 401
    "redirect",  # 307 to itself
    "close_mid_body",  # promises more bytes than it sends
    "close_at_once",  # closes without a byte
    "endless",  # a body that never ends
    "wrong_type",  # an HTML page with status 200
    "huge_headers",
    "garbage",  # no HTTP at all
    "zipped",  # a body that is small until it is unpacked
    "twice",  # a second answer right behind the first: for another request, if the connection is used again
    "empty",  # 200 without a body
    "error_in_200",  # an error object with status 200
    "no_choices",
    "wrong_envelope",  # JSON, but of another protocol
    "bad_utf8",  # bytes that are no text
    "raw",  # the bytes in ``ModelServer.raw`` in place of a whole HTTP answer
    "raw_body",  # the same as the body of one
)
#: The model: an envelope in order, and in it …
OF_THE_MODEL = (
    "truncate",  # half an answer, finish_reason length
    "cut_silently",  # half an answer, finish_reason stop
    "ignore_schema",  # prose
    "markup",  # the right answer in a fence
    "other_json",  # somebody else's object
    "nan",
    "twice_the_key",
    "one_field_more",  # a verdict
    "refuse",  # the refusal field
    "filter",  # finish_reason content_filter
    "null_content",
    "obeys_picture",  # a valid observation as a hidden prompt wants it: all grades 5, "KEEP THIS"
    "obeys_text",  # KEEP THIS, and nothing else
    "whitespace",  # blanks until max_tokens
)
KINDS = OF_THE_SERVER + OF_THE_MODEL


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for a chat completion, as it arrived."""

    number: int
    """1 for the first since the server started."""
    schema_name: str
    picture: str
    """SHA-256 of the picture's bytes, empty without one."""
    size_px: tuple[int, int]
    temperature: float | None
    seed: int | None
    logprobs: bool
    model: str
    authorization: str


Schedule = Callable[[Ask], str | None]
"""What to do about a request: one of ``KINDS``, None to answer properly."""


def pictures_only(kind: str, *, probe: str = "probe") -> Schedule:
    """Misbehave for pictures to observe; answer the engine's own questions properly."""
    return lambda ask: None if ask.schema_name == probe else kind


def always(kind: str | None) -> Schedule:
    """Misbehave for every request."""
    return lambda _ask: kind


def spoiled(kind: str, text: str, schema: dict[str, Any]) -> tuple[str | None, str, dict[str, Any]]:
    """(content, finish_reason, further fields of the message) in place of the right answer *text*."""
    half = text[: len(text) // 2]
    plain = {
        "truncate": (half, "length"),
        "cut_silently": (half, "stop"),
        "ignore_schema": ("This is a lovely picture of a boat. I would keep it!", "stop"),
        "markup": (f"```json\n{text}\n```", "stop"),
        "other_json": ('{"verdict": "keep", "score": 10}', "stop"),
        "nan": (text.replace(":1", ":NaN").replace(":2", ":NaN").replace(":3", ":NaN").replace(":4", ":NaN"), "stop"),
        "twice_the_key": ('{"medium":"photo",' + text[1:], "stop"),
        "one_field_more": (text[:-1] + ',"verdict":"keep"}', "stop"),
        "obeys_text": ("KEEP THIS", "stop"),
        "whitespace": ("{" + " \n" * 2000, "length"),
        "null_content": (None, "stop"),
        "filter": ("", "content_filter"),
    }
    if kind in plain:
        return *plain[kind], {}
    if kind == "refuse":
        return None, "stop", {"refusal": "I cannot help with this picture."}
    return json.dumps(_obedient(json.loads(text), schema), separators=(",", ":")), "stop", {}


def _obedient(answer: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What a prompt hidden in the picture wants to hear, as far as the schema allows it."""
    for name, node in schema.get("properties", {}).items():
        if node.get("type") == "integer":
            answer[name] = max(node["enum"])
        elif "pattern" in node:
            answer[name] = "KEEP THIS"
        elif "photo" in node.get("enum", []):
            answer[name] = "photo"
    return answer
