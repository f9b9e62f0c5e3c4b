"""A Truth with settled items for campaigns to reset, and drivers that come and go as processes do.

Callers: the kernel's tests of campaigns. The store is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tbie.campaign import Campaign, Driver, find, start
from tbie.campaign.record import Selects
from tbie.core.clock import ManualClock
from tbie.core.keys import ItemKey
from tbie.core.settings import Settings
from tbie.testing.builders import WHO, new_items, settle
from tbie.truth import NewItem, TruthStore
from tbie.workflow import Workflow

FAST = 1_000_000.0
"""Resets in a second: as good as no limit."""

SETTINGS = Settings(campaign_rate_per_s=FAST, campaign_open_items=1_000_000)


class Bench:
    """A Truth with settled items, and drivers over it that come and go as processes do."""

    def __init__(self, truth: TruthStore, workflow: Workflow, clock: ManualClock) -> None:
        self.truth, self.workflow, self.clock = truth, workflow, clock

    def fill(self, count: int, tenant: str = "t1") -> None:
        """Items whose first stage is done; the fact is their generation."""
        self.add(new_items(count, tenant))

    def add(self, items: list[NewItem]) -> None:
        """Add *items*, whose first stage is done; a minute passes."""
        self.truth.add(items, WHO)
        for item in items:
            settle(self.truth, item.key, "a")
        self.clock.advance_ms(60_000)

    def begin(self, **changes: Any) -> Campaign:
        """Begin a replay of everything from the first stage; *changes* are arguments of ``start``."""
        arguments: dict[str, Any] = {"kind": "replay", "selector": "all", "stage": "a", "rate_per_s": FAST} | changes
        return start(self.truth, self.workflow, self.clock, reason="because", who="operator:test", **arguments)

    def driver(
        self,
        truth: TruthStore | None = None,
        settings: Settings = SETTINGS,
        select: Callable[[Campaign], Selects] = lambda _: lambda _then, _now: True,
        workflow: Workflow | None = None,
        name: str = "1",
        alone: bool = False,
        refresh: Callable[[], object] = lambda: None,
    ) -> Driver:
        """A driver that has just started; *alone* if it need not hold back."""
        return Driver(
            workflow or self.workflow,
            truth or self.truth,
            self.clock,
            settings,
            select,
            lambda item: str((item.stages["a"].facts or {}).get("a", "none")),
            name=name,
            limit_rate=not alone,
            limit_open=not alone,
            refresh=refresh,
        )

    def drive(self, driver: Driver, steps: int = 200) -> Campaign | None:
        """Step, time passing, until there is nothing to do."""
        last = None
        for _ in range(steps):
            self.clock.advance_ms(1_000)
            stepped = driver.step()
            last = stepped.campaign or last
            if stepped.campaign is None and not stepped.lost and stepped.blind is None:
                break
        return last

    def get(self, name: str = "c1") -> Campaign:
        """The campaign as its document says."""
        return find(self.truth, name)[0]

    def resets_of(self, name: str = "c1") -> dict[ItemKey, int]:
        """How often the campaign reset each item, by the histories alone."""
        found = {}
        for item in self.truth.items(limit=10_000):
            causes = [entry.cause for entry in self.truth.history(item.key)]
            found[item.key] = sum(cause.who.startswith(f"campaign:{name} ") for cause in causes)
        return found
