"""Grades by probability: what the model's own probabilities say about each digit, read from the tokens of an answer.

Caller: ``answer``. A server gives the tokens it wrote with their likeliest alternatives. The digit of a grade is found by its
place: the tokens, put together again, must give the answer, or else nothing is read at all. A token may hold more than the
digit (``:3,``), as tokenizers like; its alternatives count when they differ from it in the digit alone. Where that leaves
doubt (two grades in one token, levels that the server did not list and that could weigh), a grade has no probabilities.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from parjanya.observation.fields import GRADES
from parjanya.observation.schema import GRADE_VALUES
from parjanya.vision.engine import Graded

MAX_TOKENS = 20_000
MAX_ALTERNATIVES = 40
_MOST_UNSEEN = 0.05
"""Of the five levels' probability, what levels that were not listed may weigh at most."""
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_COLON = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    text: bytes
    share: float
    others: Sequence[tuple[bytes, float]]


def graded(content: str, logprobs: object) -> dict[str, Graded]:
    """The grades in *content* (a valid answer) whose probabilities are known from *logprobs* (as the server gave them)."""
    raw = content.encode()
    tokens = _tokens(logprobs)
    if not tokens or b"".join(token.text for token in tokens)[: len(raw)] != raw:
        return {}
    places = dict(_places(raw))
    found: dict[str, Graded] = {}
    current = iter(tokens)
    token = next(current)
    for place, name in sorted((place, name) for name, place in places.items() if name in GRADES):
        while token.start + len(token.text) <= place:
            token = next(current)
        alone = sum(token.start <= other < token.start + len(token.text) for other in places.values()) == 1
        shares = _levels(token, place - token.start) if alone else None
        if shares:
            found[name] = _summary(shares)
    return found


def _places(raw: bytes) -> Iterator[tuple[str, int]]:
    """(name, place of the value) of every member of the object *raw*."""
    place, depth = 0, 0
    while place < len(raw):
        string = _STRING.match(raw, place)
        if string:
            colon = _COLON.match(raw, string.end()) if depth == 1 else None
            place = colon.end() if colon else string.end()
            if colon:
                yield json.loads(string.group()), place
        else:
            depth += {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}.get(raw[place], 0)
            place += 1


def _tokens(logprobs: object) -> list[_Token]:
    """The tokens in the server's words; an empty list for whatever is not in order."""
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not isinstance(content, list) or len(content) > MAX_TOKENS:
        return []
    tokens: list[_Token] = []
    start = 0
    for entry in content:
        own = _entry(entry)
        if own is None:
            return []
        listed = entry.get("top_logprobs")
        listed = listed[:MAX_ALTERNATIVES] if isinstance(listed, list) else []
        others = [other for one in listed if (other := _entry(one)) is not None]
        tokens.append(_Token(start, *own, others))
        start += len(own[0])
    return tokens


def _entry(entry: object) -> tuple[bytes, float] | None:
    if not isinstance(entry, Mapping):
        return None
    token, given, logprob = entry.get("token"), entry.get("bytes"), entry.get("logprob")
    if isinstance(given, list) and all(type(one) is int and 0 <= one < 256 for one in given):
        text = bytes(given)
    elif isinstance(token, str):
        text = token.encode("utf-8", "replace")
    else:
        return None
    if isinstance(logprob, bool) or not isinstance(logprob, (int, float)) or not logprob <= 0.001:  # NaN is not either
        return None
    return text, math.exp(max(-1_000.0, min(0.0, logprob)))  # below it is nothing, and may be too large for a float


def _levels(token: _Token, place: int) -> dict[int, float] | None:
    """The probability of each level at *place* of *token*, as shares of one; None if they are not known well enough."""
    before, after = token.text[:place], token.text[place + 1 :]
    shares: dict[int, float] = {}
    for text, share in [*token.others, (token.text, token.share)]:
        level = text[place : place + 1]
        if text == before + level + after and level.isdigit() and int(level) in GRADE_VALUES:
            shares[int(level)] = max(share, shares.get(int(level), 0.0))
    total = sum(shares.values())
    least = min((share for _, share in token.others), default=1.0)  # what is not listed is less likely than what is …
    left = max(0.0, 1.0 - sum(share for _, share in token.others))  # … and all of it together is what remains of one
    unseen = min(left, least * (len(GRADE_VALUES) - len(shares)))
    if total <= 0 or unseen > _MOST_UNSEEN * (total + unseen):
        return None
    return {level: shares.get(level, 0.0) / total for level in GRADE_VALUES}


def _summary(shares: Mapping[int, float]) -> Graded:
    expected = sum(level * share for level, share in shares.items())
    entropy = -sum(share * math.log(share) for share in shares.values() if share > 0) / math.log(len(shares))
    return Graded(round(min(5.0, max(1.0, expected)), 4), round(min(1.0, max(0.0, entropy)), 4))
