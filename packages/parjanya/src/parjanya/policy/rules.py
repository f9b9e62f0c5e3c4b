"""Policies, and what they mean: groups of rules, three-valued tests, every fired rule a reason, the worst verdict wins.

A rule that cannot be decided because a signal is unknown asks a human: it counts as *review*, and says what is unknown. So a
missing measurement can make an image slower to publish, never faster. The one way to say otherwise is in the open: ``known(x)``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from parjanya.policy.evaluate import Compiled, Signals, Test, compiled, grounds
from parjanya.policy.signals import MODEL, SIGNALS, Facts, Kind, Reader, Value, read_signals
from parjanya.policy.tree import Atom, Condition, Plain, atoms, constants_of, render, signals_of
from tbie.core.fingerprint import fingerprint

LANGUAGE_VERSION = 2
"""Raise when the same rules come to mean something else. 1 was rules written in Python."""

SEVERITY = {"keep": 0, "review": 1, "reject": 2}
FIRST_MATCH, WORST = "first_match", "worst"

_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_.]+)\}")


@dataclass(frozen=True)
class Rule:
    """If *when* holds, then this verdict, with this reason."""

    code: str
    verdict: str
    when: Condition
    text: str
    """The reason in a sentence; ``{signal}`` is replaced by its value."""

    @cached_property
    def compiled(self) -> Compiled:
        """Its condition, ready to be asked."""
        return compiled(self.when)

    @property
    def test(self) -> Test:
        """Whether it fires: None if that is unknown."""
        return self.compiled.test

    @cached_property
    def condition(self) -> str:
        """The condition in its canonical form."""
        return render(self.when)

    @cached_property
    def signals(self) -> frozenset[str]:
        """The signals its condition reads."""
        return frozenset(name for atom in atoms(self.when) for name in signals_of(atom))

    def canonical(self) -> dict[str, object]:
        """What it says, as plain data."""
        return {"id": self.code, "when": self.condition, "verdict": self.verdict, "text": self.text}


@dataclass(frozen=True, slots=True)
class Group:
    """Rules about one question. *combine*: ``worst`` (each is asked) or ``first_match`` (the first that fires answers)."""

    name: str
    combine: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Default:
    """What is said when no rule fired."""

    verdict: str
    code: str
    text: str


@dataclass(frozen=True)
class Policy:
    """A named set of rules, as ``load`` makes it."""

    name: str
    tag: str
    """What people call this version."""
    groups: tuple[Group, ...]
    default: Default
    constants: Mapping[str, Plain] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    """What is odd about it, though it means something."""

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule, in order."""
        return tuple(rule for group in self.groups for rule in group.rules)

    @cached_property
    def canonical(self) -> Mapping[str, object]:
        """All that it says, as plain data: without comments, spelling and tag."""
        groups = [
            {"name": g.name, "combine": g.combine, "rules": [rule.canonical() for rule in g.rules]} for g in self.groups
        ]
        default = {"verdict": self.default.verdict, "reason": self.default.code, "text": self.default.text}
        constants = {name: list(v) if isinstance(v, tuple) else v for name, v in self.constants.items()}
        return {"policy": self.name, "constants": constants, "groups": groups, "default": default}

    @cached_property
    def version(self) -> str:
        """Changes when anything it says does."""
        return fingerprint({"language": LANGUAGE_VERSION, **self.canonical})

    @cached_property
    def signals(self) -> frozenset[str]:
        """The signals its conditions read."""
        return frozenset[str]().union(*(rule.signals for rule in self.rules))

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """All signals it needs, those of its texts too."""
        texts = [*(rule.text for rule in self.rules), self.default.text]
        named = {name for text in texts for name in placeholders(text) if name in SIGNALS}
        return tuple(sorted(self.signals | named))

    @cached_property
    def stages(self) -> frozenset[str]:
        """The stages whose facts it needs."""
        return frozenset(SIGNALS[name].stage for name in self.reads)

    @cached_property
    def plan(self) -> list[tuple[list[tuple[Test, int, tuple[str], Rule]], bool]]:
        """What ``verdict`` goes through: by group, its rules taken apart, and whether the first that fires ends it."""
        return [
            ([(r.test, SEVERITY[r.verdict], (r.code,), r) for r in group.rules], group.combine == FIRST_MATCH)
            for group in self.groups
        ]

    @cached_property
    def reader(self) -> Reader:
        """Reads them from what is stored."""
        return Reader(self.reads)

    @property
    def needs_model(self) -> bool:
        """Whether it reads what only a vision-language model sees."""
        return any(name.startswith(MODEL) for name in self.signals)

    def read(self, facts: Facts) -> dict[str, Value]:
        """The signals it needs, from the facts of one image."""
        return read_signals(facts, self.reads)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a stable code, a sentence, and the values it rests on."""

    code: str
    text: str
    verdict: str
    evidence: Mapping[str, Value]
    """By name, the signals that mattered, and the constants they were compared with."""

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        evidence = {name: list(v) if isinstance(v, tuple) else v for name, v in self.evidence.items()}
        return {"code": self.code, "text": self.text, "verdict": self.verdict, "evidence": evidence}


class Decision(NamedTuple):
    """A verdict and its reasons, the weightiest first."""

    verdict: str
    reasons: list[Reason]


def decide(policy: Policy, signals: Signals) -> Decision:
    """The verdict on one image. A signal that *signals* lacks is unknown."""
    reasons: dict[str, Reason] = {}
    for group in policy.groups:
        for rule in group.rules:
            fired = rule.test(signals)
            if fired is False:
                continue
            found = [_fired(policy, rule, signals)] if fired else _unknown(rule, signals)
            for reason in found:
                reasons.setdefault(reason.code, reason)
            if group.combine == FIRST_MATCH:
                break
    if not reasons:
        default = policy.default
        text = filled(default.text, signals, policy.constants)
        return Decision(default.verdict, [Reason(default.code, text, default.verdict, {})])
    ordered = sorted(reasons.values(), key=lambda reason: -SEVERITY[reason.verdict])
    return Decision(ordered[0].verdict, ordered)


def verdict(policy: Policy, signals: Signals) -> tuple[str, tuple[str, ...]]:
    """As ``decide``, without sentences and evidence, for counting many: the verdict, and the codes that weigh so."""
    worst, codes = -1, tuple[str, ...]()
    for rules, stops in policy.plan:
        for test, asked, code, rule in rules:
            fired = test(signals)
            if fired is False:
                continue
            severity = asked if fired else _REVIEW
            if severity >= worst:
                found = code if fired else tuple(f"unknown_{name}" for name in _missing(rule, signals))
                codes = found if severity > worst else codes + found
                worst = severity
            if stops:
                break
    if worst < 0:
        return policy.default.verdict, (policy.default.code,)
    return _BY_SEVERITY[worst], codes


_REVIEW = SEVERITY["review"]
_BY_SEVERITY = {severity: name for name, severity in SEVERITY.items()}


def _fired(policy: Policy, rule: Rule, signals: Signals) -> Reason:
    found: list[Atom] = list(grounds(rule.compiled, signals))
    evidence = {name: signals.get(name) for atom in found for name in signals_of(atom)}
    named: dict[str, Value] = {name: value for atom in found for name, value in constants_of(atom).items()}
    return Reason(rule.code, filled(rule.text, signals, policy.constants), rule.verdict, evidence | named)


def _missing(rule: Rule, signals: Signals) -> Iterable[str]:
    names = (name for atom in grounds(rule.compiled, signals) for name in signals_of(atom))
    return dict.fromkeys(name for name in names if signals.get(name) is None)


def _unknown(rule: Rule, signals: Signals) -> list[Reason]:
    return [
        Reason(f"unknown_{name}", f"{SIGNALS[name].words} is not known: a human has to look", "review", {name: None})
        for name in _missing(rule, signals)
    ]


def placeholders(text: str) -> list[str]:
    """The names in braces."""
    return _PLACEHOLDER.findall(text)


def filled(text: str, signals: Signals, constants: Mapping[str, Plain]) -> str:
    """*text* with values for names. Values are inserted as they are, once: a value with braces in it stays what it is."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        return _show(name, constants[name] if name in constants else signals.get(name))

    return _PLACEHOLDER.sub(value, text)


def _show(name: str, value: Value) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, tuple):
        return ", ".join(value).replace("_", " ")
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"
    chosen = name in SIGNALS and SIGNALS[name].kind is Kind.CHOICE
    return str(value).replace("_", " ") if chosen else str(value)  # names of files stay as they are
