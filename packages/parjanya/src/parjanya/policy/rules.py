"""What a policy is: data. Rules over named signals, each with the verdict it asks for and the words it gives as reason.

Callers: ``policy.first`` writes one, ``policy.decide`` evaluates it. A policy's version is the fingerprint of all its
rules: two policies that could ever answer differently have different versions.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Literal

from tbie.core.fingerprint import fingerprint

from parjanya.policy.signals import SIGNALS

Verdict = Literal["keep", "review", "reject"]
Operator = Literal["<", ">", "==", "in", "not in"]
Operand = float | str | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of a signal with a constant. Unknown if the signal is unknown."""

    signal: str
    operator: Operator
    operand: Operand

    def __post_init__(self) -> None:
        if self.signal not in SIGNALS:
            raise ValueError(f"there is no signal {self.signal!r}; known are {', '.join(sorted(SIGNALS))}")


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires when *all* of its tests hold. ``text`` may name signals in braces; they are filled with what was
    measured.
    """

    id: str
    code: str
    verdict: Verdict
    when: tuple[Check, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Star:
    """One more star for an image that is kept, if all tests hold."""

    id: str
    when: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules that object, and stars for what nothing objects to."""

    id: str
    rules: tuple[Rule, ...]
    stars: tuple[Star, ...]
    kept_text: str

    def __post_init__(self) -> None:
        ids = [rule.id for rule in self.rules]
        if len(set(ids)) != len(ids):
            raise ValueError(f"the policy {self.id!r} uses a rule id twice")
        if any(rule.verdict == "keep" for rule in self.rules):
            raise ValueError("a rule can only object: an image is kept when every rule was judged and none did")
        if not self.rules:
            raise ValueError("a policy without rules would keep everything unseen")

    @property
    def version(self) -> str:
        """The fingerprint of everything above."""
        return _version(self)


@lru_cache(maxsize=32)
def _version(policy: Policy) -> str:
    return fingerprint(asdict(policy))
