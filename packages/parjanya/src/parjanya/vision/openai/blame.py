"""What a picture is told when its request failed: whose fault it was is known by then. Pure.

Caller: ``engine``. Of the server's own words only a bounded, printable beginning is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parjanya.observation.validate import printable
from parjanya.vision.engine import Unanswered
from parjanya.vision.openai.picture import Prepared
from parjanya.vision.openai.replies import NoReply, Replied
from tbie.execution import Drift

_NOT_ACCEPTED = {400, 413, 415, 422}
"""The server read the request and does not want it. It takes others: so it is this picture, and it will be so again."""


def failure(reply: Replied, ready: Prepared) -> Unanswered:
    """What to say of a picture whose request failed, if it turns out that the server is well."""
    evidence: dict[str, Any] = {"grid": list(ready.grid), "run_s": round(reply.run_s, 3)}
    if isinstance(reply, NoReply):
        evidence |= {"kind": reply.kind, "message": reply.words}
        return Unanswered("model_timeout" if reply.kind == "timeout" else "model_failed", evidence)
    evidence |= {"status": reply.status, "message": reply.said()}
    if reply.status in _NOT_ACCEPTED:
        return Unanswered("picture_not_accepted", evidence, terminal=True)
    return Unanswered("model_failed", evidence)


def unreachable(drift: Drift, next_check_s: float, more: Mapping[str, Any] | None = None) -> Unanswered:
    """The server is away, or is not what was declared: nobody is charged."""
    evidence = {**(more or {}), **found_in(drift)}
    return Unanswered("model_unreachable", evidence, not_before_s=max(1.0, next_check_s), counted=False)


def found_in(drift: Drift) -> dict[str, str | None]:
    """What *drift* found, by component, for evidence."""
    return {name: found for name, (_, found) in drift.differences.items()}


def busy(seconds: float, words: str) -> Unanswered:
    """The server wants to be left alone for *seconds*: nobody is charged."""
    return Unanswered("model_busy", {"message": printable(words)}, not_before_s=max(1.0, seconds), counted=False)
