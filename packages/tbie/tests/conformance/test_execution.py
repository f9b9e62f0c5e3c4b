"""The fleet in memory keeps the contract of fleets; a worker that holds work is never let go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tbie.backends.memory.execution import MemoryFleet
from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.intent import Message
from tbie.testing.builders import RETENTION_S, World, chain, envelope
from tbie.testing.conformance.execution import FleetConformance, Staff
from tbie.worker import Worker


class _Staff:
    """Workers that hold a message as long as a test says so."""

    def __init__(self) -> None:
        clock, workflow = ManualClock(), chain("a")
        world = World(workflow, MemoryTruth(workflow, clock, SequentialIds()), MemoryIntent(clock, RETENTION_S), clock)

        def hire(pool: str, name: str) -> Worker:
            return world.worker(name, pool=pool)

        self.fleet = MemoryFleet(hire, clock)

    def settle(self) -> None:
        """Nothing to wait for."""

    def occupy(self, pool: str) -> None:
        for worker in self.fleet.workers[pool]:
            worker.held = (Message(envelope(), 1, 1, 0),)

    def free(self, pool: str) -> None:
        for worker in self.fleet.workers[pool]:
            worker.held = ()


class TestMemoryFleet(FleetConformance):
    def make_staff(self, folder: Path) -> Iterator[Staff]:
        yield _Staff()
