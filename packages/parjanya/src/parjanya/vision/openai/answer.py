"""What a server's reply means for one picture. Pure.

Caller: ``engine``. The envelope is as little trusted as the answer in it: what is taken is the first choice's text, why it ended,
the probabilities of its tokens and the count of the prompt's, each only if it has the right kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parjanya.observation.validate import Wrong, printable, validate
from parjanya.vision.engine import Observed, Unanswered
from parjanya.vision.openai.ask import sampling
from parjanya.vision.openai.grades import graded
from parjanya.vision.openai.picture import Prepared
from parjanya.vision.openai.replies import Reply

_MOST_NAME = 120
_MOST_TOKENS = 10_000_000
_ROOM_SHARE = 0.25
"""By how much the counted visual tokens may differ from the declared ones: templates add a few tokens around a picture."""


@dataclass(frozen=True, slots=True)
class Puzzle:
    """A reply of status 200 that is no chat completion: whether the server or the picture is at fault is not said here."""

    words: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What was sent, for the provenance."""

    picture: Prepared
    pixel_budget: int
    attempt: int
    text_tokens: int | None
    """Tokens of the prompt without the picture, as the server counted them at start-up; None if it did not."""


def read(reply: Reply, shown: Shown) -> Observed | Unanswered | Puzzle:
    """The observation in *reply* (of status 200), or why there is none."""
    try:
        whole = reply.json()
    except ValueError:
        return Puzzle(f"the reply is not JSON: {printable(reply.body, 120)}")
    choice = _first_choice(whole)
    message = choice.get("message") if choice is not None else None
    if choice is None or not isinstance(message, Mapping):
        return Puzzle(f"the reply is no chat completion: {reply.said()}")
    finish = printable(choice["finish_reason"], 40) if isinstance(choice.get("finish_reason"), str) else None
    stamp = provenance(whole, finish, reply, shown)
    content = _text(message.get("content"))
    if refusal := _refusal(message, finish):
        return Unanswered("model_refused", {"said": printable(refusal), **stamp})
    if finish == "length":
        return Unanswered("answer_truncated", {"beginning": printable(content), **stamp})
    result = validate(content)
    if isinstance(result, Wrong):
        return Unanswered("answer_invalid", {"problems": list(result.problems), "beginning": result.beginning, **stamp})
    return Observed(result, graded(content, choice.get("logprobs")), stamp)


def _refusal(message: Mapping[str, Any], finish: str | None) -> str:
    refusal = _text(message.get("refusal")).strip()
    return refusal or ("the server's content filter stopped the answer" if finish == "content_filter" else "")


def provenance(whole: Mapping[str, Any], finish: str | None, reply: Reply, shown: Shown) -> dict[str, Any]:
    """What ran, as far as the server says it and as far as it is known here."""
    temperature, seed = sampling(shown.attempt)
    usage = whole.get("usage")
    counted = (
        {name: _count(usage.get(f"{name}_tokens")) for name in ("prompt", "completion")}
        if isinstance(usage, Mapping)
        else {}
    )
    return {
        "server": {
            "model": _name(whole.get("model")),
            "fingerprint": _name(whole.get("system_fingerprint")),
        },
        "pixel_budget": shown.pixel_budget,
        "grid": list(shown.picture.grid),
        "tokens": counted.get("prompt"),
        "new_tokens": counted.get("completion"),
        "visual_tokens": visual(shown, counted.get("prompt")),
        "temperature": temperature,
        "seed": seed,
        "attempt": shown.attempt,
        "finish_reason": finish,
        "run_s": round(reply.run_s, 3),
    }


def visual(shown: Shown, prompt_tokens: int | None) -> dict[str, Any]:
    """Visual tokens as sent and as the server counted them, and whether the budget was kept: None where it is not known.

    A server may enlarge or cut up what it is sent; then pictures cost and show something else than was declared.
    """
    sent = shown.picture.visual_tokens
    if prompt_tokens is None or shown.text_tokens is None:
        return {"sent": sent, "counted": None, "as_declared": None}
    counted = prompt_tokens - shown.text_tokens
    return {"sent": sent, "counted": counted, "as_declared": abs(counted - sent) <= max(16, _ROOM_SHARE * sent)}


def prompt_tokens(whole: object) -> int | None:
    """``usage.prompt_tokens`` of a reply, None if it is not there or makes no sense."""
    usage = whole.get("usage") if isinstance(whole, Mapping) else None
    return _count(usage.get("prompt_tokens")) if isinstance(usage, Mapping) else None


def _first_choice(whole: object) -> Mapping[str, Any] | None:
    choices = whole.get("choices") if isinstance(whole, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else None


def first_text(whole: object) -> str | None:
    """The text of a reply's first choice, None if it has none."""
    choice = _first_choice(whole)
    message = choice.get("message") if choice is not None else None
    content = message.get("content") if isinstance(message, Mapping) else None
    return content if isinstance(content, str) else None


def _text(content: object) -> str:
    return content if isinstance(content, str) else ""


def _name(value: object) -> str | None:
    return printable(value, _MOST_NAME) if isinstance(value, str) else None


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None
