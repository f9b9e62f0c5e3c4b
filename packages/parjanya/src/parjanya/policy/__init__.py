"""Policies: versioned rules over signals. A model observes, rules decide; every decision carries its reasons.

From outside: ``load`` a document, ``builtin`` ones, ``decide`` by one, ``diff`` two. docs/policy.md describes the language.
"""

from parjanya.policy.differences import Difference, cost, diff, in_words, named
from parjanya.policy.loading import BUILT_IN, builtin, builtin_text, load
from parjanya.policy.problems import PolicyError, PolicyUnavailableError, Problem
from parjanya.policy.rules import SEVERITY, Decision, Policy, Reason, decide, verdict
from parjanya.policy.signals import SIGNALS, Facts, Value, read_signals

__all__ = [
    "BUILT_IN",
    "SEVERITY",
    "SIGNALS",
    "Decision",
    "Difference",
    "Facts",
    "Policy",
    "PolicyError",
    "PolicyUnavailableError",
    "Problem",
    "Reason",
    "Value",
    "builtin",
    "builtin_text",
    "cost",
    "decide",
    "diff",
    "in_words",
    "load",
    "named",
    "read_signals",
    "verdict",
]
