"""All checks, and asking all of them."""

from __future__ import annotations

from parjanya_cdk.checks import controlling, permitting, running, storing
from parjanya_cdk.checks.base import Check, Subject

CHECKS: tuple[Check, ...] = (*storing.CHECKS, *running.CHECKS, *controlling.CHECKS, *permitting.CHECKS)


def problems(on: Subject) -> list[str]:
    """Everything that is wrong, with the name of the check that says so."""
    return [f"{check.__name__}: {words}" for check in CHECKS for words in check(on)]
