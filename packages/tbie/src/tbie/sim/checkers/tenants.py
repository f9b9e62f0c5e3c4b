"""Versions that differ by tenant: work is done by what holds for its tenant, is stored under that, and what is stale is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tbie.execution import Work
from tbie.sim.checkers.base import Checker
from tbie.sim.declaring import STAGE, is_stale
from tbie.truth import HistoryEntry

if TYPE_CHECKING:
    from tbie.sim.actors.hand import Hand
    from tbie.sim.world import World


class DeclaredForTenant(Checker):
    """A worker works by what holds for the tenant since its turn began, and its result says by what it was made."""

    number, name = 14, "declared for its tenant"

    def on_run(self, world: World, hand: Hand, work: Work) -> None:
        """Before the handler does anything."""
        if work.stage != STAGE:
            return
        held = world.activations.held(work.key.tenant, hand.process.turn_ms)
        version = work.version if work.version in world.activations.names else ""
        world.sometimes["work was done by an activated version"] += version != ""
        if self.broken(version in held):
            self.fail(f"{hand.name} judges {work.key} by {work.version}; for its tenant {held} held meanwhile")

    def on_items(self, world: World, entries: Sequence[HistoryEntry]) -> None:
        """Every changed item, after the commit."""
        for key in dict.fromkeys(entry.key for entry in entries):
            for name, row in world.shadow.rows[key].items():
                if row["state"] != "completed" or (name, key) in world.shadow.dirty:
                    continue
                made = str(row["facts"][name]).split("/")[2]
                if self.broken(made == row["version"]):
                    self.fail(f"{key} {name} was made by {made} and is stored as {row['version']}")

    def stale(self, world: World) -> str | None:
        """The first stage of which something is done by a version that does not hold any more; None if nothing is."""
        self.checked += 1
        items = list(world.truth.everything().values())
        stages = (stage.name for stage in world.workflow.stages)
        return next((name for name in stages if any(is_stale(item, name, world.workflow) for item in items)), None)

    def on_stale(self, world: World, stage: str) -> None:
        """Nothing else is left to do: a diagnosis has to say so."""
        found = world.watch.look()
        codes = [finding.code for finding in found.findings] if found is not None else []
        if self.broken("policy_change" in codes):
            self.fail(f"{stage} is done by versions that hold no more, and the diagnosis says {codes}")
