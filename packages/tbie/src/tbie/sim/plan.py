"""What a seed means: the size of the world, how often processes interleave, and which faults come when.

The list of faults is drawn before anything runs, from a generator of its own, so that a run with fewer of them is the
same run otherwise: that is what makes a failing list reducible. Callers: ``run``, ``minimise``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tbie.sim.chance import Chance

INTERLEAVING_PERCENT = (0, 4, 8, 16)
"""How often a store call is preceded by another process's turn. One world in four has none: then a pass is atomic."""


class Planned(NamedTuple):
    """One fault of the list."""

    kind: str
    step: int
    """When it begins."""
    steps: int
    """How long it stands, for kinds that have an end."""
    number: int
    """What it draws its particulars from; odd: it strikes in the middle of the step rather than before it."""

    def __str__(self) -> str:
        return f"{self.kind}@{self.step}+{self.steps}#{self.number}"


class Plan(NamedTuple):
    """One run, completely determined."""

    seed: int
    steps: int
    tenants: int
    items: int
    reconcilers: int
    claim_batch: int
    interleaving_percent: int
    watched: Planned | None
    """A fault that strikes while the watch looks on, and that the diagnosis has to name within one sweep."""
    faults: tuple[Planned, ...]

    def only(self, faults: Sequence[Planned]) -> Plan:
        """The same run with these faults alone."""
        return self._replace(faults=tuple(faults))


def draw(seed: int, kinds: Sequence[str], nameable: Sequence[str]) -> Plan:
    """The plan of *seed*. Each seed enables a handful of *kinds*: few kinds, often, reach further than all of them, once.

    *nameable* are those that a diagnosis has to name.
    """
    chance = Chance(seed, 1)
    steps = chance.between(30, 80)
    enabled = [chance.pick(kinds) for _ in range(chance.pick((0, 1, 1, 2, 2, 3, 4, 6)))]
    count = chance.between(1, 7) if enabled else 0
    faults = [
        Planned(chance.pick(enabled), chance.between(2, steps - 6), chance.between(2, 14), chance.below(1 << 20))
        for _ in range(count)
    ]
    watched = Planned(chance.pick(nameable), chance.between(8, steps - 4), 0, chance.below(1 << 20))
    return Plan(
        seed,
        steps,
        chance.between(1, 3),
        chance.between(2, 7),
        chance.pick((1, 2)),
        chance.between(1, 3),
        chance.pick(INTERLEAVING_PERCENT),
        watched if chance.percent(40) else None,
        tuple(sorted(faults, key=lambda fault: fault.step)),
    )
