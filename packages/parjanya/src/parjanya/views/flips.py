"""How decisions change from one policy to another: counted by tenant, by kind of change and by the rule that made it.

Callers: dry runs, which decide again without changing anything, and reports, which compare what was with what is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parjanya.policy import SEVERITY

Side = tuple[str, str]
"""A verdict, and the code of the first of its reasons, which are kept with the weightiest first."""


def side_of(facts: Mapping[str, Any]) -> Side | None:
    """The decision that is stored as facts of *curate*; None if there is none."""
    reasons = facts.get("reasons")
    first = reasons[0] if isinstance(reasons, Sequence) and reasons else None
    return side(facts.get("verdict"), first.get("code") if isinstance(first, Mapping) else None)


def side(verdict: Any, code: Any) -> Side | None:
    """The same, from its parts."""
    return (verdict, str(code)) if verdict in SEVERITY else None


@dataclass(slots=True)
class Flips:
    """Counts of decisions before and after."""

    images: int = 0
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    tenants: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    rules: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    """By the first reason of the stricter of the two verdicts: the rule that now asks for it, or does so no more."""

    def add(self, tenant: str, old: Side, new: Side, images: int = 1) -> None:
        """Count *images* of a tenant that were decided like *old* and are decided like *new*."""
        pair = (old[0], new[0])
        self.images += images
        self.pairs[pair] += images
        self.tenants.setdefault(tenant, Counter())[pair] += images
        if pair[0] != pair[1]:
            stricter = new if SEVERITY[new[0]] > SEVERITY[old[0]] else old
            self.rules.setdefault(stricter[1], Counter())[pair] += images

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
