"""The state of the whole system in one reading: the four layers side by side, with the age of what is said.

Callers: ``status``, ``healthcheck``, ``/readyz``, ``/metrics``. What cannot be read is reported as unreadable, never as zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parjanya.views.coverage import coverage
from parjanya.views.overrides import Overrides
from tbie.core.clock import Clock
from tbie.core.finding import Finding
from tbie.core.reading import Depth, Known, Reading
from tbie.core.settings import Settings
from tbie.intent import IntentQueue
from tbie.truth import StageState, TruthStore
from tbie.watchdog import watch
from tbie.workflow import Workflow


@dataclass(slots=True)
class StageStatus:
    """One stage: what Truth says, what the queue says, and what is missing between them."""

    states: Counter[str]
    oldest_open_s: float | None
    queue: Reading[Depth]
    gap: int | None
    """Pending in Truth without any intent; None if the queue cannot be read."""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        match self.queue:
            case Known(value=depth):
                queue: dict[str, Any] = {
                    "visible": depth.visible,
                    "in_flight": depth.in_flight,
                    "delayed": depth.delayed,
                    "dead": depth.dead,
                }
            case unknown:
                queue = {"error": unknown.error}
        truth = {state.value: self.states.get(state.value, 0) for state in StageState}
        return {"truth": truth, "oldest_open_s": self.oldest_open_s, "intent": queue, "gap": self.gap}


@dataclass(slots=True)
class Status:
    """The system as it was read at ``at_ms``."""

    at_ms: int
    stages: dict[str, StageStatus] = field(default_factory=dict)
    tenants: dict[str, Counter[str]] = field(default_factory=dict)
    overridden: dict[str, int] = field(default_factory=dict)
    """By tenant, images about which a person has decided."""
    workers: dict[str, str] = field(default_factory=dict)
    """Worker → what it is doing now (``idle`` or ``stage item``)."""
    heartbeat_age_s: float | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def open(self) -> int:
        """Stages that are pending in Truth."""
        return sum(stage.states[StageState.PENDING.value] for stage in self.stages.values())

    @property
    def unsettled(self) -> bool:
        """Whether anything is pending, or waits at a barrier that only the reconciler lifts."""
        return any(
            count and not StageState(state).final
            for stage in self.stages.values()
            for state, count in stage.states.items()
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data, in the order truth, intent, execution, control plane."""
        return {
            "at_ms": self.at_ms,
            "open": self.open,
            "gap": _sum(stage.gap for stage in self.stages.values()),
            "stages": {name: stage.to_json() for name, stage in self.stages.items()},
            "tenants": {tenant: dict(states) for tenant, states in self.tenants.items()},
            "overridden": self.overridden,
            "fleet": {"running": len(self.workers), "workers": self.workers},
            "reconciler": {"heartbeat_age_s": self.heartbeat_age_s},
            "findings": [finding.to_json(self.at_ms) for finding in self.findings],
        }


def read_status(
    workflow: Workflow,
    truth: TruthStore,
    intent: IntentQueue,
    workers: Mapping[str, str],
    clock: Clock,
    settings: Settings,
) -> Status:
    """Read everything once; *workers* are those alive now, and what each is doing.

    Raises:
        TruthUnavailableError: without Truth there is nothing to say.
    """
    now = clock.now_ms()
    status = Status(now)
    by_stage: dict[str, Counter[str]] = {stage.name: Counter() for stage in workflow.stages}
    for (tenant, name, state), count in truth.tally().items():
        by_stage.setdefault(name, Counter())[state.value] += count
        status.tenants.setdefault(tenant, Counter())[state.value] += count
    overrides = Overrides(truth)
    status.overridden = {tenant: count for tenant in status.tenants if (count := overrides.standing(tenant))}
    for name, states in by_stage.items():
        oldest = truth.oldest_open_ms(name)
        age = None if oldest is None else (now - oldest) / 1000
        status.stages[name] = StageStatus(states, age, intent.depth(name), coverage_gap(truth, intent, name))
    status.workers = dict(workers)
    beats = truth.heartbeats()
    newest = max((b.at_ms for b in beats if b.component == "reconciler"), default=None)
    status.heartbeat_age_s = None if newest is None else (now - newest) / 1000
    if status.unsettled:  # an idle home may be left alone; one with unsettled work needs its control plane
        status.findings = watch(beats, now, int(settings.silence_s * 1000))
    return status


def coverage_gap(truth: TruthStore, intent: IntentQueue, stage: str) -> int | None:
    """Pending rows of *stage* that no live message stands for; None if the queue cannot be read."""
    found = coverage(truth, intent, stage)
    return None if found is None else found.gap


def _sum(values: Any) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
