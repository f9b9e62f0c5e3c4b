"""Soundness of the diagnosis: it is never "healthy" while work is stuck, and it names what was done to the system.

What is asserted, exactly, is in docs/simulation.md. Stuck work is told from the world itself, which the diagnosis does
not see: open rows without their message, pools without a worker, a control plane that is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tbie.diagnose import Diagnosis
from tbie.sim.checkers.base import Checker
from tbie.sim.checkers.intents import Name

if TYPE_CHECKING:
    from tbie.sim.world import World


class Sound(Checker):
    """The diagnosis against the world."""

    number, name = 13, "diagnosis is sound"

    def __init__(self) -> None:
        super().__init__()
        self._deserted: dict[str, int] = {}
        self._headless_ms: int | None = None
        self.robbed: dict[Name, str] = {}
        """Open stages whose message was destroyed by the fault of an episode, with their tokens."""
        self.gaps = 0
        """Looks of that episode at which one of them was still missing."""

    def forget(self) -> None:
        """Everything was off for days: what was seen before does not count."""
        self._deserted, self._headless_ms = {}, None

    def came(self, pool: str) -> None:
        """A worker of *pool* has registered: it may be gone again before anybody looks."""
        self._deserted.pop(pool, None)

    def look(self, world: World) -> None:
        """Since when each pool has visible work and no worker, and the world no reconciler."""
        now = world.clock.now_ms()
        if any(control.ready() for control in world.controls):
            self._headless_ms = None
        elif self._headless_ms is None:
            self._headless_ms = now
        for pool in world.workflow.pools:
            staffed = any(h.pool == pool and h.worker is not None and h.alive for h in world.fleet.staff)
            if staffed or not world.visible(pool):
                self._deserted.pop(pool, None)
            else:
                self._deserted.setdefault(pool, now)

    def on_diagnosis(self, world: World, found: Diagnosis, *, undisturbed: bool) -> None:
        """A verdict of "healthy" needs a world in which nothing is stuck."""
        if not undisturbed or not found.healthy or world.weather.stale["intent.presence"]:
            self.checked += 1
            return
        self.look(world)
        stuck = self.stuck(world)
        if self.broken(stuck is None):
            self.fail(f"healthy, and {stuck}; findings {[f.code for f in found.findings]}")

    def stuck(self, world: World) -> str | None:
        """What is stuck for longer than anybody may need to say so; None if nothing is."""
        settings, now = world.settings, world.clock.now_ms()
        slack_ms = world.tolerance_ms + 1_000
        sweep_ms = int(1000 * (settings.sweep_interval_s + settings.sweep_grace_s)) + slack_ms
        for (stage, key), (_, _, since_ms) in world.checkers.lost.missing.items():
            if now - since_ms > sweep_ms:
                return f"{stage} of {'/'.join(key)} has had no intent for {(now - since_ms) / 1000:g} s"
        boot_ms = (
            int(1000 * (settings.boot_start_budget_s + settings.boot_register_budget_s + settings.silence_s)) + slack_ms
        )
        for pool, since_ms in self._deserted.items():
            # a message that was sent anew meanwhile has not waited for as long as its pool has been empty
            waited_ms = min(now - since_ms, max((now - sent for sent in world.visible(pool)), default=0))
            if waited_ms > boot_ms:
                return f"{pool} has had work and nobody for {waited_ms / 1000:g} s"
        silence_ms = int(1000 * settings.silence_s) + slack_ms
        if self._headless_ms is not None and now - self._headless_ms > silence_ms:
            return f"there has been no reconciler for {(now - self._headless_ms) / 1000:g} s"
        return None
