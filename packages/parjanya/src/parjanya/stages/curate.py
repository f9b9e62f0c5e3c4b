"""Stage ``curate``: keep, review or reject, by a policy, with reasons. Looks at facts only, never at pixels.

Needs ``group`` (and through it everything else). Owns: verdict, reasons, rating, label, policy, policy_tag,
policy_version. A changed rule re-decides from stored facts in microseconds and measures nothing again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parjanya.policy import Policy, Reason, Value, builtin, decide, read_signals
from tbie.core.fingerprint import fingerprint
from tbie.core.outcome import Completed, Outcome
from tbie.execution import BatchHandler, Work

NAME = "curate"
CODE_VERSION = 2
CULLING = builtin("culling")
VERSION = fingerprint({"stage": NAME, "code": CODE_VERSION, "policy": CULLING.version})

LABELS = {"keep": "Green", "review": "Yellow", "reject": "Red"}
"""Colour labels as photo programs name them in English."""
_RATED_BY = ("subject_sharpness", "group_kind", "best_of_group")
_VERY_SHARP = 0.65  # three quarters of sharp photographs are; below, three stars say "kept", not "admired"


def make_batch_handler(policy: Policy = CULLING) -> BatchHandler:
    """A handler that decides by *policy*."""

    def handle(works: Sequence[Work]) -> list[Outcome]:
        return [Completed(judge(policy, work.facts)) for work in works]

    return handle


def judge(policy: Policy, facts: Mapping[str, Mapping[str, Any]]) -> dict[str, object]:
    """The facts of this stage for an image with *facts* (by stage name)."""
    signals = read_signals(facts, {*policy.reads, *_RATED_BY})
    verdict, reasons = decide(policy, signals)
    reasons = [_with_group(reason, facts) for reason in reasons]
    return {
        "verdict": verdict,
        "reasons": [reason.to_json() for reason in reasons],
        "rating": _rating(verdict, signals),
        "label": LABELS[verdict],
        "policy": policy.name,
        "policy_tag": policy.tag,
        "policy_version": policy.version,
    }


def _with_group(reason: Reason, facts: Mapping[str, Mapping[str, Any]]) -> Reason:
    """Where a group decided, the sentences in which this image differs from the best one are evidence too."""
    if "best_of_group" not in reason.evidence:
        return reason
    group = facts.get("group", {})
    sentences = [str(d.get("text")) for d in group.get("differences") or () if d.get("text")]
    evidence: dict[str, Any] = {**reason.evidence, "best_item": group.get("best_item")}
    if sentences:
        evidence["compared"] = "; ".join(sentences)
    return Reason(reason.code, reason.text, reason.verdict, evidence)


def _rating(verdict: str, signals: Mapping[str, Value]) -> int:
    """−1 rejected, 2 for review, 3 or 4 kept. Five stars are for people to give."""
    if verdict == "reject":
        return -1
    if verdict == "review":
        return 2
    sharpness = signals["subject_sharpness"]
    best = signals["group_kind"] != "alone" and signals["best_of_group"] is True
    return 4 if best or (isinstance(sharpness, int | float) and sharpness >= _VERY_SHARP) else 3
