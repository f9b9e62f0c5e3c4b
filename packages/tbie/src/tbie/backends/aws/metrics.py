"""What is told to CloudWatch: names, units and dimensions, as data. Pure.

Callers: the functions write them, the infrastructure makes alarms and a dashboard of them. These are the readings of one pass;
they are told on every pass, also when they are zero, so that their absence means that there was no pass.
"""

from __future__ import annotations

from typing import NamedTuple

NAMESPACE = "TBIE"
SYSTEM = "System"
"""Every metric has this dimension: the prefix of the place."""


class Metric(NamedTuple):
    """One metric; ``by`` names the second dimension, if it has one."""

    name: str
    unit: str
    by: str | None
    told_by: str
    means: str


HEARTBEAT = Metric(
    "Heartbeat", "Count", "Component", "reconcile, sweep, intake", "a pass ended, and could read what it needs"
)
BLIND = Metric("Blind", "Count", None, "sweep", "readings of the pass that failed: unknown, not zero")
BACKLOG = Metric("Backlog", "Count", "Stage", "sweep", "pending stages in Truth")
BACKLOG_AGE = Metric("BacklogAge", "Seconds", "Stage", "sweep", "how long the oldest pending stage has been open")
COVERAGE_GAP = Metric("CoverageGap", "Count", "Stage", "sweep", "pending stages without a live intent, before repair")
WORKERS = Metric("Workers", "Count", "Pool", "sweep", "workers whose sign of life is fresh")

METRICS = (HEARTBEAT, BLIND, BACKLOG, BACKLOG_AGE, COVERAGE_GAP, WORKERS)
