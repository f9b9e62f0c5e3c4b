"""Execution: what a handler is given, what it must answer, and the fleet that runs workers.

Callers: ``tbie.worker`` runs handlers, ``tbie.reconciler.fleet`` sets the desired size. Nothing here knows Truth or Intent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Facts, Outcome
from tbie.core.reading import FleetView, Reading


@dataclass(frozen=True, slots=True)
class Work:
    """One stage of one item, with everything a handler may look at.

    ``facts`` holds the facts of the stages this one needs (transitively), by stage name. ``scratch`` lives as long as
    this worker stays on this item: a stage may leave a decoded image there for the next stage, which must work
    without it, because a replay starts anywhere.
    """

    key: ItemKey
    stage: str
    generation: int
    version: str
    address: Address
    attributes: Facts
    facts: Mapping[str, Facts]
    attempt: int = 1
    scratch: MutableMapping[str, object] = field(default_factory=dict)


Handler = Callable[[Work], Outcome]
BatchHandler = Callable[[Sequence[Work]], Sequence[Outcome]]
"""One outcome for each work, in the same order."""


class Fleet(Protocol):
    """Starts workers and lets them go. Never stops one that holds work."""

    def set_desired(self, pool: str, workers: int) -> None:
        """Ask for *workers* in *pool*. Fewer than are running means: let idle ones leave."""
        ...

    def view(self, pool: str) -> Reading[FleetView]:
        """How many are asked for, alive, and holding work."""
        ...
