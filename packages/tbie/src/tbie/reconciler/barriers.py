"""Barriers: stages that compare items open for a tenant once it has fallen silent, or its oldest waiter is out of patience."""

from __future__ import annotations

from tbie.core.cause import Cause
from tbie.reconciler.desk import Desk
from tbie.truth import Advance, StageState
from tbie.workflow import Stage


def lift_barriers(desk: Desk) -> int:
    """Open barrier stages of tenants with no open work upstream, or whose oldest waiter has waited long enough."""
    return sum(_lift(desk, stage) for stage in desk.workflow.stages if stage.barrier)


def _lift(desk: Desk, stage: Stage) -> int:
    lifted, after = 0, None
    if not desk.truth.at_barrier(stage.name, 1):
        return 0  # the usual answer, and cheap: an idle engine asks several times a second
    busy, waiting = _tenants(desk, stage)
    patience = desk.clock.now_ms() - int(1000 * desk.settings.barrier_patience_s)
    impatient: set[str] = set()
    while page := desk.truth.at_barrier(stage.name, desk.settings.sweep_page, after):
        after = page[-1]
        impatient |= {key.tenant for key, since in page if since <= patience}
        batch = [key for key, _ in page if key.tenant not in busy or key.tenant in impatient]
        if batch:
            cause = Cause(desk.who, "barrier lifted")
            desk.commit([Advance(key, cause, (stage.name,)) for key in batch])
            lifted += len(batch)
        elif waiting <= busy and not impatient:
            break  # everybody who waits has to go on waiting, and later pages are younger still
    return lifted


def _tenants(desk: Desk, stage: Stage) -> tuple[set[str], set[str]]:
    """Tenants with open work upstream of *stage*, and tenants for whom it waits."""
    upstream = desk.workflow.upstream[stage.name]
    busy, waiting = set(), set()
    for (tenant, name, state), count in desk.tally().items():
        if count and name in upstream and state is StageState.PENDING:
            busy.add(tenant)
        if count and name == stage.name and state is StageState.WAITING:
            waiting.add(tenant)
    return busy, waiting
