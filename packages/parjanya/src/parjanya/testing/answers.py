"""What the test server answers: values that a schema allows, drawn from a seed, and the tokens that they consist of.

Caller: ``model_server``. Made from the JSON schema alone, as a constraint engine would, so that it also answers a schema that
this program's own fields know nothing of. The same seed gives the same answer.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any

_TEXT_PATTERN = re.compile(r"^\^(?P<allowed>\[[^\]]+\])\{1,(?P<most>\d+)\}\$$")
_WORDS = ("a boat", "two people", "grey sky, calm sea", "a red door", "low light", "far hills", "tea (hot)")

STYLES: Mapping[str, re.Pattern[str]] = {
    "plain": re.compile(r"[A-Za-z_]+|\d|.", re.DOTALL),
    "joined": re.compile(r'":\d,?"?|[A-Za-z_]+|.', re.DOTALL),
    "coarse": re.compile(r".{1,31}", re.DOTALL),
    "single": re.compile(r".", re.DOTALL),
}
"""How a tokenizer may cut: digits alone; digits with what stands around them; long pieces with several digits; characters."""


class UnknownSchemaError(ValueError):
    """The schema asks for something that this server cannot draw: it answers 400."""


class Draws:
    """Numbers that follow from a seed."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._count = 0

    def below(self, limit: int) -> int:
        """The next number, 0 .. *limit* - 1."""
        self._count += 1
        return int.from_bytes(hashlib.sha256(self._seed + self._count.to_bytes(4, "big")).digest()[:8], "big") % limit


def value_for(node: Mapping[str, Any], draws: Draws) -> Any:
    """A value that the schema *node* allows. Raises ``UnknownSchemaError``."""
    if "enum" in node:
        return node["enum"][draws.below(len(node["enum"]))]
    match node.get("type"):
        case "object":
            return {name: value_for(inner, draws) for name, inner in node.get("properties", {}).items()}
        case "array":
            fewest, most = node.get("minItems", 0), node.get("maxItems", 3)
            return [value_for(node["items"], draws) for _ in range(fewest + draws.below(most - fewest + 1))]
        case "boolean":
            return draws.below(2) == 1
        case "integer":
            return node.get("minimum", 0)
        case "string":
            return _text_for(node.get("pattern", "^[a-z ]{1,20}$"), draws)
    raise UnknownSchemaError(f"no value can be drawn for {json.dumps(node)[:100]}")


def _text_for(pattern: str, draws: Draws) -> str:
    shape = _TEXT_PATTERN.match(pattern)
    if shape is None:
        raise UnknownSchemaError(f"no text can be drawn for {pattern[:100]}")
    text = _WORDS[draws.below(len(_WORDS))][: int(shape["most"])]
    return text if re.fullmatch(shape["allowed"] + "+", text) else "a"


def levels(digit: int) -> dict[int, float]:
    """The probabilities of the five grades where the test server says *digit*: it is the likeliest, its neighbours come next."""
    weights = {level: 0.5 ** abs(level - digit) for level in range(1, 6)}
    total = sum(weights.values())
    return {level: weight / total for level, weight in weights.items()}


def tokens_of(text: str, style: str, most: int = 10) -> list[dict[str, Any]]:
    """*text* as the ``logprobs.content`` of a chat completion, cut in *style*.

    Of a token with exactly one digit from 1 to 5, the alternatives are the same token with the other digits.
    """
    return [_token(match.group(), most) for match in STYLES[style].finditer(text)]


def _token(token: str, most: int) -> dict[str, Any]:
    digits = [character for character in token if character.isdigit()]
    chosen = _spelled(token, 1.0)
    alternatives = [chosen]
    if len(digits) == 1 and digits[0] in "12345":
        shares = levels(int(digits[0]))
        chosen = _spelled(token, shares[int(digits[0])])
        alternatives = [_spelled(token.replace(digits[0], str(level)), share) for level, share in shares.items()]
        alternatives.sort(key=lambda one: -one["logprob"])
    return {**chosen, "top_logprobs": alternatives[:most]}


def _spelled(token: str, share: float) -> dict[str, Any]:
    return {"token": token, "logprob": math.log(share), "bytes": list(token.encode())}
