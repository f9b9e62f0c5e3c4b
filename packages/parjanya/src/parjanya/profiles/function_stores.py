"""One system as a function sees it: its stores and its control plane, and no home.

Callers: ``functions`` opens it, the shells work with it. Knows no backend: tests hand in stores in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from parjanya.catalog.sources import Sources
from tbie.belief import BeliefSource
from tbie.core.clock import Clock
from tbie.core.settings import Settings
from tbie.execution import Fleet
from tbie.intent import IntentQueue
from tbie.reconciler.desk import Resolve
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.ledger import Ledger
from tbie.reconciler.loop import Reconciler
from tbie.truth import TruthStore
from tbie.workflow import Workflow


@dataclass(slots=True)
class Stores:
    """One system as a function sees it."""

    system: str
    """The prefix of its names: what every metric is told under."""
    bucket: str
    """The store's name of the bucket that uploads arrive in."""
    instance: str
    workflow: Workflow
    truth: TruthStore
    intent: IntentQueue
    ledger: Ledger | None
    """Where decisions are noted; None where none is taken."""
    clock: Clock
    settings: Settings
    resolve: Resolve
    belief: BeliefSource | None = None
    fleet: Fleet | None = None
    limits: Mapping[str, PoolLimits] = field(default_factory=dict)
    refresh: Callable[[], object] = lambda: None
    """Declares in *workflow* what holds for tenants by now."""
    fits: Callable[[], bool] = lambda: True
    """Whether *workflow* is still the published one."""
    sources: Sources | None = None
    """How bytes are come by; None where this function reads none."""
    write: Callable[[str], object] | None = None
    """Where log lines go; None: where Lambda reads them."""
    extra: dict[str, object] = field(default_factory=dict)
    """What a shell keeps beside them from call to call."""

    def reconciler(self) -> Reconciler:
        """The control plane of this process: the same one in every call, so that it remembers what it has seen."""
        found = self.extra.get("reconciler")
        if isinstance(found, Reconciler):
            return found
        made = Reconciler(
            self.workflow,
            self.truth,
            self.intent,
            self.resolve,
            self.clock,
            self.settings,
            instance=self.instance,
            belief=self.belief,
            fleet=self.fleet,
            limits=self.limits,
            ledger=self.ledger,
            refresh=self.refresh,
            pushed=True,
        )
        self.extra["reconciler"] = made
        return made

    def close(self) -> None:
        """Let go of connections."""
        self.truth.close()
        self.intent.close()
