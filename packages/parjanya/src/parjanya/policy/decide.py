"""Evaluate a policy on the signals of one image: pure, three-valued, with every reason and the evidence it stands on.

Caller: the stage ``curate``. The worst verdict of all rules that fire wins, and all of them are listed. A rule that
cannot be judged because a signal is unknown asks for a review: silence is never consent.
"""

from __future__ import annotations

from collections.abc import Mapping

from parjanya.policy.rules import Check, Policy, Rule, Verdict
from parjanya.policy.signals import Value

_BADNESS: dict[Verdict, int] = {"keep": 0, "review": 1, "reject": 2}
_RATING: dict[Verdict, int] = {"reject": -1, "review": 2, "keep": 3}
_LABEL: dict[Verdict, str] = {"reject": "Red", "review": "Yellow", "keep": "Green"}
_BEST_RATING = 5

Signals = Mapping[str, Value]


def decide(policy: Policy, signals: Signals) -> dict[str, object]:
    """The facts of the stage ``curate``: ``{verdict, reasons, rating, label, policy, policy_version}``.

    ``reasons`` holds ``{rule, code, verdict, text, evidence}`` of every rule that fired or could not be judged, the
    worst first, in the policy's order within one verdict; a kept image has one reason that says what it was kept for.
    """
    reasons = []
    for rule in policy.rules:
        match _all(rule.when, signals):
            case True:
                reasons.append(_fired(rule, signals))
            case None:
                reasons.append(_not_judged(rule, signals))
            case False:
                pass
    verdict: Verdict = "keep"
    for rule_verdict in _BADNESS:
        if any(reason["verdict"] == rule_verdict for reason in reasons):
            verdict = rule_verdict
    if verdict == "keep" and (unknown := _unknown(policy, signals)):
        # Other tests of its rules were false without it. That is logic enough to object to nothing, not to keep.
        reasons = [_not_known(unknown)]
        verdict = "review"
    reasons.sort(key=lambda reason: reason["verdict"] != verdict)
    if verdict == "keep":
        reasons = [_kept(policy, signals)]
    stars = sum(_all(star.when, signals) is True for star in policy.stars) if verdict == "keep" else 0
    return {
        "verdict": verdict,
        "reasons": reasons,
        "rating": min(_BEST_RATING, _RATING[verdict] + stars),
        "label": _LABEL[verdict],
        "policy": policy.id,
        "policy_version": policy.version,
    }


def _all(tests: tuple[Check, ...], signals: Signals) -> bool | None:
    """Kleene's conjunction: one false makes it false, whatever is unknown."""
    held = [_holds(check, signals.get(check.signal)) for check in tests]
    if False in held:
        return False
    return None if None in held else True


def _holds(check: Check, value: Value) -> bool | None:
    """None when the value is unknown, or of a type that the comparison does not mean."""
    operand = check.operand
    if value is None:
        return None
    match check.operator:
        case "<" | ">":
            if isinstance(value, str | bool) or not isinstance(operand, int | float):
                return None
            return value < operand if check.operator == "<" else value > operand
        case "==":
            return value == operand if isinstance(value, type(operand)) else None
        case "in" | "not in":
            if not isinstance(operand, tuple) or not isinstance(value, str):
                return None
            return (value in operand) == (check.operator == "in")


def _evidence(tests: tuple[Check, ...], signals: Signals) -> dict[str, object]:
    return {check.signal: signals.get(check.signal) for check in tests}


def _fired(rule: Rule, signals: Signals) -> dict[str, object]:
    text = rule.text
    for name, value in signals.items():
        shown = f"{value:.2f}" if isinstance(value, float) else str(value)
        text = text.replace("{" + name + "}", shown)
    evidence = _evidence(rule.when, signals)
    limits = {check.signal: check.operand for check in rule.when if check.operator in ("<", ">")}
    evidence |= {f"{name} limit": limit for name, limit in limits.items()}
    return {"rule": rule.id, "code": rule.code, "verdict": rule.verdict, "text": text, "evidence": evidence}


def _not_judged(rule: Rule, signals: Signals) -> dict[str, object]:
    unknown = sorted({check.signal for check in rule.when if _holds(check, signals.get(check.signal)) is None})
    text = f"not judged by '{rule.id}': {' and '.join(unknown)} unknown"
    evidence = _evidence(rule.when, signals)
    return {"rule": rule.id, "code": "signal_unknown", "verdict": "review", "text": text, "evidence": evidence}


def _unknown(policy: Policy, signals: Signals) -> list[str]:
    return sorted({c.signal for rule in policy.rules for c in rule.when if signals.get(c.signal) is None})


def _not_known(unknown: list[str]) -> dict[str, object]:
    evidence = dict.fromkeys(unknown)
    text = f"{' and '.join(unknown)} unknown"
    return {"rule": None, "code": "signal_unknown", "verdict": "review", "text": text, "evidence": evidence}


def _kept(policy: Policy, signals: Signals) -> dict[str, object]:
    text = policy.kept_text
    for name, value in signals.items():
        text = text.replace("{" + name + "}", f"{value:.2f}" if isinstance(value, float) else str(value))
    judged = sorted({check.signal for rule in policy.rules for check in rule.when})
    evidence = {name: signals.get(name) for name in judged}
    return {"rule": None, "code": "nothing_objects", "verdict": "keep", "text": text, "evidence": evidence}
