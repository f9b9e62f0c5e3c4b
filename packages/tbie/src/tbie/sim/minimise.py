"""The smallest set of faults that still breaks the same promise: delta debugging over the list that the seed drew.

Caller: ``command``. Each try is a whole run of the same seed with fewer faults; what the steps draw stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tbie.sim.plan import Plan, Planned
from tbie.sim.run import Report, run


class Minimised(NamedTuple):
    """What is left."""

    report: Report
    """Of the run with the faults that are left."""
    tries: int
    """Runs that it took."""


def minimise(report: Report, again: Callable[[Plan], Report] = run) -> Minimised:
    """Drop halves, quarters, … of the faults as long as the same checker fails; the result cannot lose one more fault."""
    plan, checker = report.plan, report.checker
    faults: tuple[Planned, ...] = plan.faults
    best, tries, parts = report, 0, 2
    while faults:
        size = -(-len(faults) // parts)
        for start in range(0, len(faults), size):
            fewer = faults[:start] + faults[start + size :]
            found = again(plan.only(fewer))
            tries += 1
            if found.checker == checker:
                faults, best, parts = fewer, found, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(faults), parts * 2)
    if best.plan.watched is not None:
        found = again(best.plan._replace(watched=None))
        tries += 1
        best = found if found.checker == checker else best
    return Minimised(best, tries)
