"""Rules as data, and what they mean: three-valued tests, the worst verdict wins, every fired rule is a reason.

A rule that cannot be decided because a signal is unknown asks a human: it fires as *review*, and says what is unknown. So
a missing measurement can make an image slower to publish, never faster.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from parjanya.policy.signals import SIGNALS, Value
from tbie.core.errors import TbieError
from tbie.core.fingerprint import fingerprint

LANGUAGE_VERSION = 1
"""Raise when the same rules come to mean something else."""

SEVERITY = {"keep": 0, "review": 1, "reject": 2}

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "in": lambda value, allowed: value in allowed,
    "not in": lambda value, allowed: value not in allowed,
}


class PolicyError(TbieError):
    """The policy is not one: an unknown signal, operator or verdict. The message names the rule."""


@dataclass(frozen=True, slots=True)
class Condition:
    """``signal operator value``."""

    signal: str
    operator: str
    value: float | str | bool | tuple[str, ...]

    def holds(self, signals: Mapping[str, Value]) -> bool | None:
        """Whether it does; None if the signal is unknown or of another kind than the value."""
        found = signals[self.signal]
        if found is None:
            return None
        try:
            return _OPERATORS[self.operator](found, self.value)
        except TypeError:
            return None


@dataclass(frozen=True, slots=True)
class Rule:
    """If all tests hold, then this verdict, with this reason."""

    code: str
    verdict: str
    when: tuple[Condition, ...]
    text: str
    """The reason in a sentence; ``{signal}`` is replaced by its value."""

    def fires(self, signals: Mapping[str, Value]) -> bool | None:
        """Kleene's *and*: false if any test is false, else unknown if any is unknown."""
        results = [test.holds(signals) for test in self.when]
        if False in results:
            return False
        return None if None in results else True


@dataclass(frozen=True)
class Policy:
    """A named set of rules.

    Raises:
        PolicyError: a rule speaks of what does not exist.
    """

    name: str
    rules: tuple[Rule, ...]
    keep_text: str

    def __post_init__(self) -> None:
        codes = [rule.code for rule in self.rules]
        if len(set(codes)) != len(codes):
            raise PolicyError(f"policy {self.name!r} uses a rule code twice; rename one")
        for rule in self.rules:
            if rule.verdict not in ("review", "reject"):
                raise PolicyError(f"rule {rule.code!r}: {rule.verdict!r} is not a verdict of a rule: review or reject")
            for test in rule.when:
                if test.signal not in SIGNALS:
                    raise PolicyError(f"rule {rule.code!r}: no signal {test.signal!r}; signals: {', '.join(SIGNALS)}")
                if test.operator not in _OPERATORS:
                    raise PolicyError(f"rule {rule.code!r}: no operator {test.operator!r}; {', '.join(_OPERATORS)}")

    @cached_property
    def version(self) -> str:
        """Changes when any rule does."""
        rules = [asdict(rule) for rule in self.rules]
        return fingerprint({"language": LANGUAGE_VERSION, "name": self.name, "rules": rules, "keep": self.keep_text})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a stable code, a sentence, and the values it rests on."""

    code: str
    text: str
    verdict: str
    evidence: Mapping[str, Value]

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return {"code": self.code, "text": self.text, "verdict": self.verdict, "evidence": dict(self.evidence)}


def decide(policy: Policy, signals: Mapping[str, Value]) -> tuple[str, list[Reason]]:
    """The verdict on one image, and its reasons, the weightiest first."""
    reasons: dict[str, Reason] = {}
    for rule in policy.rules:
        fired = rule.fires(signals)
        if fired:
            evidence = {test.signal: signals[test.signal] for test in rule.when}
            reasons[rule.code] = Reason(rule.code, _fill(rule.text, signals), rule.verdict, evidence)
        elif fired is None:
            for reason in _unknown(rule.when, signals):
                reasons.setdefault(reason.code, reason)
    ordered = sorted(reasons.values(), key=lambda reason: -SEVERITY[reason.verdict])
    if not ordered:
        return "keep", [Reason("sharp_and_exposed", _fill(policy.keep_text, signals), "keep", {})]
    return ordered[0].verdict, ordered


def _unknown(tests: Sequence[Condition], signals: Mapping[str, Value]) -> list[Reason]:
    missing = [test.signal for test in tests if signals[test.signal] is None]
    return [
        Reason(f"unknown_{name}", f"{SIGNALS[name].words} is not known: a human has to look", "review", {name: None})
        for name in missing
    ]


def _fill(text: str, signals: Mapping[str, Value]) -> str:
    shown = {name: _show(name, value) for name, value in signals.items()}
    return text.format_map(shown)


def _show(name: str, value: Value) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"
    return str(value).replace("_", " ") if name == "medium" else str(value)  # names of files stay as they are
