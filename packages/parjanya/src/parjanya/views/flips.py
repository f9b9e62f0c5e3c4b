"""How decisions change from one policy to another: counted by tenant, by kind of change and by the rule that made it.

Callers: dry runs, which decide again without changing anything, and reports, which compare what was with what is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parjanya.policy import SEVERITY

Side = tuple[str, Sequence[str]]
"""A verdict, and the codes of the reasons that weigh as much as it."""


def side_of(facts: Mapping[str, Any]) -> Side | None:
    """The decision that is stored as facts of *curate*; None if there is none."""
    return side(facts.get("verdict"), facts.get("reasons"))


def side(verdict: Any, reasons: Any) -> Side | None:
    """The same, from its parts."""
    if verdict not in SEVERITY:
        return None
    listed = [r for r in reasons or () if isinstance(r, Mapping)] if isinstance(reasons, Sequence) else []
    return verdict, [str(r.get("code")) for r in listed if r.get("verdict") == verdict]


def because(old: Side, new: Side) -> str:
    """The rule that made the difference: of a stricter verdict the first to ask for it, of a milder one the first to go."""
    stricter = SEVERITY[new[0]] > SEVERITY[old[0]]
    mine, others = (new[1], old[1]) if stricter else (old[1], new[1])
    return next((code for code in mine if code not in others), mine[0] if mine else "")


@dataclass(slots=True)
class Flips:
    """Counts of decisions before and after."""

    images: int = 0
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    tenants: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    rules: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    """By rule, the changes that it made; they add up to all changes."""

    def add(self, tenant: str, old: Side, new: Side) -> bool:
        """Count one image; whether its verdict changed."""
        pair = (old[0], new[0])
        self.images += 1
        self.pairs[pair] += 1
        counted = self.tenants.get(tenant)
        if counted is None:
            counted = self.tenants[tenant] = Counter()
        counted[pair] += 1
        if pair[0] == pair[1]:
            return False
        self.rules.setdefault(because(old, new), Counter())[pair] += 1
        return True

    @property
    def changed(self) -> int:
        """Images whose verdict changed."""
        return sum(count for (old, new), count in self.pairs.items() if old != new)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        rules = sorted(self.rules.items(), key=lambda rule: (-rule[1].total(), rule[0]))
        return {
            "images": self.images,
            "changed": self.changed,
            "flips": table(self.pairs),
            "tenants": {tenant: table(pairs) for tenant, pairs in sorted(self.tenants.items())},
            "by_rule": {code: table(pairs) for code, pairs in rules},
        }


def table(pairs: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """Counts of (before, after) as what came of each before."""
    found: dict[str, dict[str, int]] = {}
    order = ("keep", "review", "reject")
    for old, new in sorted(pairs, key=lambda pair: [order.index(v) if v in order else len(order) for v in pair]):
        found.setdefault(old, {})[new] = pairs[old, new]
    return found
