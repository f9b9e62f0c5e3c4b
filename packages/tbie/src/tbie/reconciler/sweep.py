"""The safety net: compare every open stage with its intent, whatever the stream may have missed.

Costs what is open, not what exists. It also lifts barriers whose tenants have fallen silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tbie.core.cause import Cause
from tbie.core.clock import Clock
from tbie.core.keys import ItemKey
from tbie.core.reading import Known, Reading, Unknown
from tbie.core.settings import Settings
from tbie.intent import IntentQueue, Presence
from tbie.reconciler.decide import Blind, Looked, Sight, decide
from tbie.reconciler.emit import Emitted, Resolve, carry_out
from tbie.truth import Advance, StageState, TruthStore
from tbie.workflow import Stage, Workflow


@dataclass(slots=True)
class Swept:
    """What one sweep saw and did."""

    open: int = 0
    lifted: int = 0
    expired: int = 0
    emitted: Emitted = field(default_factory=Emitted)
    blind: list[str] = field(default_factory=list)


class Sweep:
    """Compares Truth with Intent, page by page."""

    def __init__(
        self,
        workflow: Workflow,
        truth: TruthStore,
        intent: IntentQueue,
        resolve: Resolve,
        clock: Clock,
        settings: Settings,
        who: str = "reconciler",
    ) -> None:
        self._workflow, self._truth, self._intent, self._resolve = workflow, truth, intent, resolve
        self._clock, self._settings, self._who = clock, settings, who

    def run(self, grace_s: float | None = None) -> Swept:
        """One pass over everything that is open. *grace_s* overrides the setting: 0 trusts nothing."""
        swept = Swept(expired=self._intent.expire())
        grace_ms = int(1000 * (self._settings.sweep_grace_s if grace_s is None else grace_s))
        for stage in self._workflow.stages:
            self._stage(stage, grace_ms, swept)
        swept.lifted = self.lift_barriers()
        return swept

    def _stage(self, stage: Stage, grace_ms: int, swept: Swept) -> None:
        after = None
        while page := self._truth.open_stages(stage.name, after, self._settings.sweep_page):
            after = page[-1]
            swept.open += len(page)
            reading = self._intent.presence(stage.name, [row.key for row in page])
            if isinstance(reading, Unknown):
                swept.blind.append(f"{reading.source}: {reading.error}")
            now = self._clock.now_ms()
            decisions = [decide(row, stage, _sight(reading, row.key), now, grace_ms) for row in page]
            swept.emitted.add(carry_out(decisions, self._workflow, self._truth, self._intent, self._resolve, self._who))

    def lift_barriers(self) -> int:
        """Open barrier stages of tenants with no open work upstream, or whose oldest waiter has waited long enough."""
        return sum(self._lift(stage) for stage in self._workflow.stages if stage.barrier)

    def _lift(self, stage: Stage) -> int:
        lifted, after = 0, None
        busy, waiting = self._tenants(stage)
        patience = self._clock.now_ms() - int(1000 * self._settings.barrier_patience_s)
        impatient: set[str] = set()
        while page := self._truth.at_barrier(stage.name, self._settings.sweep_page, after):
            after = page[-1]
            impatient |= {key.tenant for key, since in page if since <= patience}
            batch = [key for key, _ in page if key.tenant not in busy or key.tenant in impatient]
            if batch:
                cause = Cause(self._who, "barrier lifted")
                self._truth.commit([Advance(key, cause, (stage.name,)) for key in batch])
                lifted += len(batch)
            elif waiting <= busy and not impatient:
                break  # everybody who waits has to go on waiting, and later pages are younger still
        return lifted

    def _tenants(self, stage: Stage) -> tuple[set[str], set[str]]:
        """Tenants with open work upstream of *stage*, and tenants for whom it waits."""
        upstream = self._workflow.upstream[stage.name]
        busy, waiting = set(), set()
        for (tenant, name, state), count in self._truth.tally().items():
            if count and name in upstream and state is StageState.PENDING:
                busy.add(tenant)
            if count and name == stage.name and state is StageState.WAITING:
                waiting.add(tenant)
        return busy, waiting


def _sight(reading: Reading[Mapping[ItemKey, Presence]], key: ItemKey) -> Sight:
    match reading:
        case Known(value=found):
            return Looked(found.get(key))
        case Unknown(error=error):
            return Blind(error)
