"""How far each worker has come on its way from being asked for to its first result: pure.

A fleet knows requested, started and registered; the worker's own heartbeat says claimed and completed. Each step has its
own budget, so that where one stops is where the fault is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tbie.core.reading import Boot, BootState
from tbie.core.settings import Settings
from tbie.truth import Heartbeat


class Overdue(NamedTuple):
    """A worker that has been in one state for longer than that may take."""

    boot: Boot
    age_s: float
    budget_s: float


def join(boots: Iterable[Boot], heartbeats: Iterable[Heartbeat]) -> tuple[Boot, ...]:
    """*boots* with what the workers say of themselves; whoever has completed something is on no way any more."""
    said: Mapping[str, Heartbeat] = {b.instance: b for b in heartbeats if b.component == "worker"}
    joined = []
    for boot in boots:
        beat = said.get(boot.owner)
        if beat is None:
            joined.append(boot)
            continue
        if _count(beat, "done"):
            continue
        if _count(beat, "claimed"):
            since = _count(beat, "first_claim_ms") or beat.at_ms
            joined.append(Boot(boot.owner, BootState.CLAIMED, since))
        elif boot.state is BootState.REGISTERED:
            joined.append(boot)
        else:
            joined.append(Boot(boot.owner, BootState.REGISTERED, _count(beat, "started_ms") or beat.at_ms))
    return tuple(joined)


def budget_s(state: BootState, settings: Settings, longest_run_s: float) -> float | None:
    """How long a worker may be in *state*; None where nothing more is to come."""
    match state:
        case BootState.REQUESTED:
            return settings.boot_start_budget_s
        case BootState.STARTED:
            return settings.boot_register_budget_s
        case BootState.REGISTERED:
            return settings.boot_claim_budget_s
        case BootState.CLAIMED:
            return longest_run_s + settings.boot_complete_margin_s
        case BootState.COMPLETED:
            return None


def overdue(
    boots: Iterable[Boot], now_ms: int, settings: Settings, longest_run_s: float, work_is_visible: bool
) -> list[Overdue]:
    """Workers that are stuck on their way. One that has registered need not claim anything while there is no work."""
    late = []
    for boot in boots:
        if boot.state is BootState.REGISTERED and not work_is_visible:
            continue
        budget = budget_s(boot.state, settings, longest_run_s)
        age = (now_ms - boot.since_ms) / 1000
        if budget is not None and age > budget:
            late.append(Overdue(boot, age, budget))
    return late


def _count(beat: Heartbeat, name: str) -> int:
    value = beat.body.get(name)
    return value if isinstance(value, int) else 0
