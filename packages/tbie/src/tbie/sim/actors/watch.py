"""The watch: takes a diagnosis now and then, from outside the control plane, as an operator or a monitor does."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tbie.backends.memory.belief import belief
from tbie.core.errors import TruthUnavailableError
from tbie.diagnose import Diagnosis, diagnose, take
from tbie.sim.actors.base import Actor
from tbie.sim.declaring import refresh
from tbie.testing.faults import CrashError

if TYPE_CHECKING:
    from tbie.sim.world import World


class Watch(Actor):
    """Reads, and changes nothing. In every other world it asks the fleet; in the others it has the heartbeat's word only."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "watch")
        self.process = world.process("watch", "watch")

    def ready(self) -> bool:
        return not self.world.stack and not self.world.healing  # in the middle of others its word could not be judged

    def act(self) -> None:
        self.look()

    def look(self) -> Diagnosis | None:
        """One diagnosis; None if this process died over it."""
        world = self.world
        if self.process.version != world.version or self.process.dead:
            self.process = world.process("watch", "watch")
        process = self.process
        fleet = belief(process.workflow, process.intent, process.fleet) if world.plan.seed % 2 else None
        args = (process.workflow, process.truth, process.intent, process.clock, world.settings)
        nested = world.nested
        try:
            with contextlib.suppress(TruthUnavailableError):
                refresh(process)
            readings = take(*args, ledger=world.ledger, belief=fleet, engine_expected=True)
        except CrashError:
            return None
        found = diagnose(readings, world.settings)
        if world.events is not None:
            codes = [f"{finding.code} ({finding.state.value})" for finding in found.findings]
            world.note(self.name, "diagnoses", f"{found.verdict}: {codes}")
        world.checkers.sound.on_diagnosis(world, found, undisturbed=nested == world.nested)
        return found
