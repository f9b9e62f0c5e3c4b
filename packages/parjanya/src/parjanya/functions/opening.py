"""What a function works with, opened once for as long as its process lives. Callers: the three shells.

The stores come from the profile that the environment names; tests and other profiles hand in theirs. An opening that fails is not
remembered: the next call tries again. What is published in Truth about the workflow is looked at now and then (``LOOK_S``), and
a process that finds another one opens anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from parjanya.catalog.sources import Sources
from parjanya.functions.telling import Teller
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

LOOK_S = 60.0
"""How long what was opened is used before it is asked whether it still fits: an engine is declared a few times a year."""


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

    def teller(self, component: str) -> Teller:
        """Tells of *component* under the name of this system."""
        return Teller(component, self.system, self.clock.now_ms)

    def close(self) -> None:
        """Let go of connections."""
        self.truth.close()
        self.intent.close()


class Opening:
    """Opens when first asked, and again when what was opened no longer fits."""

    def __init__(self, open_: Callable[[], Stores]) -> None:
        self._open = open_
        self._stores: Stores | None = None
        self._look_at_s = 0.0

    def __call__(self) -> Stores:
        """The stores.

        Raises:
            TbieError: they cannot be opened: settings, permissions, a table that is missing.
        """
        stores = self._stores
        if stores is not None and stores.clock.monotonic_s() >= self._look_at_s:
            self._look_at_s = stores.clock.monotonic_s() + LOOK_S
            if not stores.fits():
                self._stores = None
                stores.close()
                stores = None
        if stores is None:
            stores = self._stores = self._open()
            self._look_at_s = stores.clock.monotonic_s() + LOOK_S
        return stores


def seconds_left(context: object) -> float:
    """For how long this call may still go on; a minute where nobody says."""
    ask = getattr(context, "get_remaining_time_in_millis", None)
    left = ask() if callable(ask) else 60_000
    return left / 1000 if isinstance(left, int | float) else 60.0
