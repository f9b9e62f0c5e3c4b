"""What is sent: one request per picture, and the question that shows whether a server keeps to a schema. Pure.

Callers: ``engine`` and ``attest``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from parjanya.observation import prompt, schema
from parjanya.observation.fields import SCHEMA_NAME
from parjanya.vision.openai.picture import QUALITY, Prepared
from parjanya.vision.openai.settings import OpenaiSettings

CODE_VERSION = 1
"""Raise it when this engine's code changes what a model is shown or how its answers are read."""

PROBE_NAME = "probe"
TOP_LOGPROBS = 10
"""Five levels, and room for what a server lists beside them."""
_WARMER_BY_ATTEMPT = 0.2
_WARMEST = 0.8


def sampling(attempt: int) -> tuple[float, int]:
    """(temperature, seed) of an attempt, from 1: first what is likeliest, then each time something else."""
    return min(_WARMEST, _WARMER_BY_ATTEMPT * (attempt - 1)), attempt


def observation_request(settings: OpenaiSettings, picture: Prepared, attempt: int, with_logprobs: bool) -> bytes:
    """The body of a request to observe *picture*."""
    temperature, seed = sampling(attempt)
    request = _request(settings, picture, schema.NAME, schema.schema(), settings.max_tokens)
    request |= {"temperature": temperature, "seed": seed}
    if with_logprobs:
        request |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
    return json.dumps(request, separators=(",", ":")).encode()


def probe_request(settings: OpenaiSettings, picture: Prepared, word: str, with_logprobs: bool) -> bytes:
    """The body of a request whose schema allows *word* alone, while the prompt asks for something else and never names it."""
    only = {"type": "string", "enum": [word]}
    allowed = {"type": "object", "properties": {"word": only}, "required": ["word"], "additionalProperties": False}
    request = _request(settings, picture, PROBE_NAME, allowed, 100) | {"temperature": 0, "seed": 1}
    if with_logprobs:
        request |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
    return json.dumps(request, separators=(",", ":")).encode()


def identity(settings: OpenaiSettings) -> dict[str, Any]:
    """All that changes answers and is ours to know. The address is not in it: the same model elsewhere is the same model."""
    return {
        "engine": "openai",
        "code": CODE_VERSION,
        "model": settings.model,
        "prompt_sha256": prompt.SHA256,
        "schema": SCHEMA_NAME,
        "schema_sha256": schema.SHA256,
        "pixel_budget": settings.pixel_budget_px,
        "jpeg_quality": QUALITY,
        "sampling": {
            "temperature_step": _WARMER_BY_ATTEMPT,
            "temperature_most": _WARMEST,
            "max_tokens": settings.max_tokens,
        },
    }


def _request(
    settings: OpenaiSettings, picture: Prepared, name: str, allowed: Mapping[str, Any], max_tokens: int
) -> dict[str, Any]:
    seen = [
        {"type": "image_url", "image_url": {"url": picture.data_url}},
        {"type": "text", "text": prompt.USER},
    ]
    return {
        "model": settings.model,
        "messages": [{"role": "system", "content": prompt.SYSTEM}, {"role": "user", "content": seen}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": name, "strict": True, "schema": allowed},
        },
        "max_tokens": max_tokens,
        "stream": False,
    }
