"""A chat completion, made: what a request holds, and the body of the answer to it.

Caller: ``model_server``.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Protocol

from parjanya.testing.answers import Draws, tokens_of, value_for
from parjanya.testing.behaviour import Ask, spoiled


class Manner(Protocol):
    """How the server answers at present; ``ModelServer`` says what each means."""

    model: str
    style: str
    gives_logprobs: bool
    heeds_budget: bool
    heeds_schema: bool


def completion(owner: Manner, request: dict[str, Any], ask: Ask, kind: str | None) -> dict[str, Any]:
    """The body of a chat completion, spoiled as *kind* says."""
    _, schema = schema_of(request)
    warm = bool(ask.temperature)
    seed = f"{ask.picture}:{ask.seed if warm else 0}".encode()
    text = json.dumps(value_for(schema, Draws(seed)), separators=(",", ":")) if schema else "a boat"
    if not owner.heeds_schema:
        kind = "ignore_schema"
    content, finish, further = spoiled(kind, text, schema) if kind else (text, "stop", {})
    tokens = tokens_of(content, owner.style, int(request.get("top_logprobs") or 0)) if content else []
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **further}}
    if ask.logprobs and owner.gives_logprobs:
        choice["logprobs"] = {"content": tokens}
    visual = ask.size_px[0] * ask.size_px[1] // 1024 * (1 if owner.heeds_budget else 4)
    prompt = visual + sum(len(text) // 4 for text in _texts(request))
    return {
        "id": f"chatcmpl-{ask.number}",
        "object": "chat.completion",
        "created": 0,
        "model": owner.model,
        "system_fingerprint": "test-server-1",
        "choices": [choice],
        "usage": {"prompt_tokens": prompt, "completion_tokens": len(tokens), "total_tokens": prompt + len(tokens)},
    }


def _parts(request: dict[str, Any]) -> list[dict[str, Any]]:
    contents = [message["content"] for message in request["messages"]]
    return [
        part
        for content in contents
        for part in ([{"type": "text", "text": content}] if isinstance(content, str) else content)
    ]


def _texts(request: dict[str, Any]) -> list[str]:
    return [part["text"] for part in _parts(request) if part["type"] == "text"]


def picture_of(request: dict[str, Any]) -> bytes:
    """The bytes of the request's picture, empty without one. Raises ValueError for one that is no JPEG in a data URL."""
    urls = [part["image_url"]["url"] for part in _parts(request) if part["type"] == "image_url"]
    if not urls:
        return b""
    head, _, data = urls[0].partition(",")
    if head != "data:image/jpeg;base64":
        raise ValueError("a picture must be a JPEG in a data URL")
    return base64.b64decode(data, validate=True)


def schema_of(request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and content of the request's JSON schema, empty without one."""
    wanted = request.get("response_format") or {}
    inner = wanted.get("json_schema") or {}
    return str(inner.get("name", "")), dict(inner.get("schema") or {})
