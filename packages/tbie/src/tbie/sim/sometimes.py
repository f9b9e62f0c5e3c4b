"""Rare paths that a large run has to reach: a simulation that never gets there proves nothing about them.

Callers: ``many``, which adds up what each seed reached, and fails when one of these was never among it.
"""

from __future__ import annotations

from collections.abc import Mapping

from tbie.sim.episode import NAMEABLE
from tbie.sim.faults import CATALOGUE

ENOUGH_SEEDS = 1_000
"""From this many seeds on, a path that was never reached is a failure; fewer may miss one by chance."""

PATHS = (
    "a fenced leader was refused",
    "a handler: die",
    "a handler: hang",
    "a handler: linger",
    "a lease ended early",
    "a long weekend passed",
    "a message expired",
    "a pass was blind and said so",
    "a poison item killed its worker",
    "a poison item was quarantined",
    "a class was paused",
    "a probe was sent",
    "a pause was healed by its probe",
    "a script left a dirty row",
    "a lost intent was sent anew",
    "an express-lane emission",
    "a sweep was under way while the stream ran",
    "what a pause holds back was put off",
    "a campaign was finished",
    "a reading was refused",
    "a reading was stale",
    "a reconciler was paused",
    "a result could not be stored",
    "a stage was reset",
    "a stale token was revived",
    "a taken intent was destroyed",
    "a worker declined work because of drift",
    "a worker was paused",
    "a zombie commit was refused",
    "an intent led nowhere",
    "another version was deployed",
    "intent was away",
    "the cursor was lost",
    "the stream skipped something",
    "truth was away",
    "a death had several suspects",
    "a version was activated for a tenant",
    "work was done by an activated version",
    "a campaign brought what was stale up to date",
    "worker crash_after truth.commit",
    "worker crash_before truth.commit",
    "worker crash_before intent.exchange",
    "reconciler crash_after truth.commit",
    "reconciler crash_before intent.send",
    "reconciler crash_after intent.send",
)
"""By name. Each is counted where it happens."""


def required() -> tuple[str, ...]:
    """All of them: the paths above, and that every kind of fault struck."""
    return (*PATHS, *(f"named: {name}" for name in NAMEABLE), *(f"fault {name}" for name in CATALOGUE))


def never(reached: Mapping[str, int]) -> list[str]:
    """Those that were not reached."""
    return [name for name in required() if not reached.get(name)]
