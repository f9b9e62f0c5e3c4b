"""Which version of one stage holds for which tenant: kept in Truth, and declared by each process when it looks there.

So one is activated at one moment, and processes know of it at others. Callers: the actors refresh, a fault activates, the
checkers and the end of a run ask what held when.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tbie.sim.process import Process
from tbie.truth import Item, StageState
from tbie.workflow import Workflow

if TYPE_CHECKING:
    from tbie.sim.world import World

KIND = "activation"
STAGE = "judge"


def refresh(process: Process) -> None:
    """What a process does before it decides anything by a version.

    Raises:
        TruthUnavailableError: Truth is away.
    """
    found = process.truth.documents(KIND)
    process.workflow.declare(STAGE, {document.name: str(document.body["version"]) for document in found})


def is_stale(item: Item, stage: str, workflow: Workflow) -> bool:
    """Whether *stage* of *item* is done by a version that is not the one that holds for its tenant."""
    record = item.stages.get(stage)
    done = record is not None and record.state is StageState.COMPLETED
    return done and record is not None and record.version != workflow.version(stage, item.key.tenant)


class Activations:
    """What was ever activated, in true time."""

    def __init__(self) -> None:
        self._since: dict[str, list[tuple[int, str]]] = {}
        self._count = 0

    def activate(self, world: World, tenant: str) -> str:
        """Another version holds for *tenant* from now on; returns its name."""
        self._count += 1
        version = f"p{self._count}"
        since = self._since.setdefault(tenant, [(world.start_ms, "")])
        since.append((world.clock.now_ms(), version))
        old = [document for document in world.truth.documents(KIND) if document.name == tenant]
        world.truth.write_document(KIND, tenant, {"version": version}, old[0].revision if old else None)
        self.declare(world.workflow)
        return version

    def declare(self, workflow: Workflow) -> None:
        """What holds now, as the world itself knows it."""
        workflow.declare(STAGE, self.now)

    @property
    def now(self) -> Mapping[str, str]:
        """By tenant."""
        return {tenant: since[-1][1] for tenant, since in self._since.items()}

    @property
    def names(self) -> frozenset[str]:
        """Every version that was ever activated."""
        return frozenset(version for since in self._since.values() for _, version in since if version)

    def held(self, tenant: str, from_ms: int) -> set[str]:
        """What held for *tenant* at any time since *from_ms*; "" stands for the stage's own version."""
        since = self._since.get(tenant, [(0, "")])
        ends = [at_ms for at_ms, _ in since[1:]]
        return {
            version for (_, version), end in zip(since, [*ends, None], strict=True) if end is None or end >= from_ms
        }
