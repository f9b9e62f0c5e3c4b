"""Stage ``curate``: keep, review or reject, by a policy, with reasons. Looks at facts only, never at pixels.

Needs ``group`` (and through it everything else). Owns: verdict, reasons, rating, label, policy, policy_tag,
policy_version. A changed rule re-decides from stored facts in microseconds and measures nothing again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from parjanya.policy import Policy, PolicyUnavailableError, Reason, Value, builtin, decide, read_signals
from tbie.core.fingerprint import fingerprint
from tbie.core.outcome import Completed, Outcome, Retry
from tbie.execution import BatchHandler, Work

NAME = "curate"
CODE_VERSION = 2
CULLING = builtin("culling")


def version_of(policy_version: str) -> str:
    """The version of this stage where the policy of that version decides."""
    return fingerprint({"stage": NAME, "code": CODE_VERSION, "policy": policy_version})


VERSION = version_of(CULLING.version)
"""Where nobody activated anything."""

PolicyOf = Callable[[str], Policy]
"""The policy that a version of this stage stands for; raises ``PolicyUnavailableError`` if it cannot be had."""

LABELS = {"keep": "Green", "review": "Yellow", "reject": "Red"}
"""Colour labels as photo programs name them in English."""
_RATED_BY = ("subject_sharpness", "group_kind", "best_of_group")
_VERY_SHARP = 0.65  # three quarters of sharp photographs are; below, three stars say "kept", not "admired"


def make_batch_handler(policy_of: PolicyOf = lambda _: CULLING) -> BatchHandler:
    """A handler that decides about each image by the policy that its version of this stage stands for.

    Where that cannot be had, the image waits, and nobody is charged: no other policy decides in its place.
    """

    def handle(works: Sequence[Work]) -> list[Outcome]:
        policies: dict[str, Policy | PolicyUnavailableError] = {}
        for version in {work.version for work in works}:
            try:
                policies[version] = policy_of(version)
            except PolicyUnavailableError as error:
                policies[version] = error
        return [_outcome(policies[work.version], work) for work in works]

    return handle


def _outcome(policy: Policy | PolicyUnavailableError, work: Work) -> Outcome:
    if isinstance(policy, PolicyUnavailableError):
        return Retry("policy_unavailable", evidence={"message": str(policy)}, counted=False)
    return Completed(judge(policy, work.facts))


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
