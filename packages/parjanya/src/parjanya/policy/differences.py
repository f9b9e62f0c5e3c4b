"""What differs between two policies, and what the difference costs. Pure.

A policy reads stored facts only, so another policy never asks for another look: it re-decides. What it may lack is a model's
word about images that no model has seen; that is said here, and counted by a dry run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parjanya.policy.rules import FIRST_MATCH, Group, Policy, Rule
from parjanya.policy.signals import MODEL
from parjanya.policy.tree import Plain, atoms, constants_of, plain

ADDED, REMOVED, CHANGED, MOVED = "added", "removed", "changed", "moved"


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One rule that is not the same in both."""

    code: str
    what: str
    """added, removed, changed, or moved to another place where the order counts."""
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    constants: tuple[str, ...] = ()
    """Constants it names whose values differ."""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        sides = {
            "before": dict(self.before) if self.before else None,
            "after": dict(self.after) if self.after else None,
        }
        return {"rule": self.code, "what": self.what, **sides, "constants": list(self.constants)}


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs."""

    old: Policy
    new: Policy
    rules: tuple[RuleChange, ...]
    constants: Mapping[str, tuple[Plain | None, Plain | None]]
    default: bool
    """Whether what is said when no rule fires differs."""
    reads: tuple[str, ...]
    """Signals that the new one reads and the old one did not."""
    reads_no_more: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether both decide the same of everything, in the same words."""
        return self.old.version == self.new.version

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "old": named(self.old),
            "new": named(self.new),
            "same": self.same,
            "rules": [change.to_json() for change in self.rules],
            "constants": {
                name: [list(v) if isinstance(v, tuple) else v for v in pair] for name, pair in self.constants.items()
            },
            "default_changed": self.default,
            "reads": list(self.reads),
            "reads_no_more": list(self.reads_no_more),
        }


def named(policy: Policy) -> dict[str, str]:
    """How reports name a policy."""
    return {"policy": policy.name, "tag": policy.tag, "version": policy.version}


def diff(old: Policy, new: Policy) -> Difference:
    """What differs between *old* and *new*."""
    names = dict.fromkeys([*old.constants, *new.constants])
    constants = {
        name: (old.constants.get(name), new.constants.get(name))
        for name in names
        if old.constants.get(name) != new.constants.get(name)
    }
    return Difference(
        old,
        new,
        tuple(_rules(old, new, frozenset(constants))),
        constants,
        old.default != new.default,
        tuple(sorted(new.signals - old.signals)),
        tuple(sorted(old.signals - new.signals)),
    )


def _rules(old: Policy, new: Policy, constants: frozenset[str]) -> list[RuleChange]:
    before, after = _placed(old), _placed(new)
    moved = _moved(old, new)
    found = []
    for code in dict.fromkeys([*before, *after]):
        one, other = before.get(code), after.get(code)
        if one is None and other is not None:
            found.append(RuleChange(code, ADDED, None, _said(*other)))
        elif one is not None and other is None:
            found.append(RuleChange(code, REMOVED, _said(*one), None))
        elif one is not None and other is not None:
            touched = tuple(sorted(constants & _named(other[1])))
            if touched or _said(*one) != _said(*other):
                found.append(RuleChange(code, CHANGED, _said(*one), _said(*other), touched))
            elif code in moved:
                found.append(RuleChange(code, MOVED, _said(*one), _said(*other)))
    return found


def _placed(policy: Policy) -> dict[str, tuple[Group, Rule]]:
    return {rule.code: (group, rule) for group in policy.groups for rule in group.rules}


def _said(group: Group, rule: Rule) -> dict[str, Any]:
    return {**rule.canonical(), "group": group.name, "combine": group.combine}


def _named(rule: Rule) -> set[str]:
    return {name for atom in atoms(rule.when) for name in constants_of(atom)}


def _moved(old: Policy, new: Policy) -> set[str]:
    """Rules of groups in which the order counts that do not stand in the old order."""
    moved: set[str] = set()
    new_groups = {group.name: group for group in new.groups}
    for group in old.groups:
        other = new_groups.get(group.name)
        if other is not None and group.combine == other.combine == FIRST_MATCH:
            codes, others = [rule.code for rule in group.rules], [rule.code for rule in other.rules]
            kept, kept_there = [c for c in codes if c in others], [c for c in others if c in codes]
            moved |= {here for here, there in zip(kept, kept_there, strict=True) if here != there}
    return moved


def cost(difference: Difference, model_looks: bool) -> list[str]:
    """What the change costs, in sentences; *model_looks*: whether a vision-language model looks at the images of this home."""
    said = ["re-decides from stored observations: no pixel is read, no model is called"]
    asked = [name for name in difference.reads if name.startswith(MODEL)]
    if asked and not model_looks:
        said.append(
            f"reads {', '.join(asked)}, which only a vision-language model sees; none is declared in this home: "
            "rules guarded by known(…) do not fire, others ask for review"
        )
    elif asked:
        said.append(f"reads {', '.join(asked)}: unknown for images that the model has not seen")
    return said


def in_words(difference: Difference) -> list[str]:
    """The difference as lines for people."""
    old, new = difference.old, difference.new
    lines = [f"{old.name} {old.tag} ({old.version}) → {new.name} {new.tag} ({new.version})"]
    if difference.same:
        return [*lines, "  they say the same"]
    for change in difference.rules:
        lines += _lines(change)
    for name, (before, after) in difference.constants.items():
        lines.append(f"  constant {name}: {_shown(before)} → {_shown(after)}")
    if difference.default:
        lines.append(f"  default: {old.default.verdict} {old.default.code} → {new.default.verdict} {new.default.code}")
    if difference.reads:
        lines.append(f"  reads newly: {', '.join(difference.reads)}")
    if difference.reads_no_more:
        lines.append(f"  reads no more: {', '.join(difference.reads_no_more)}")
    return lines


def _lines(change: RuleChange) -> list[str]:
    by = f" (by {', '.join(change.constants)})" if change.constants else ""
    lines = [f"  rule {change.code} {change.what}{by}"]
    one, other = change.before or {}, change.after or {}
    for name in ("group", "combine", "verdict", "when", "text"):
        if one.get(name) != other.get(name):
            lines += [f"    - {name}: {one[name]}"] if name in one else []
            lines += [f"    + {name}: {other[name]}"] if name in other else []
    return lines


def _shown(value: Plain | None) -> str:
    return "(none)" if value is None else plain(value)
