"""One seed from its plan to its report: safety phase with faults, then all faults end, then everything must converge.

Callers: ``many``, ``minimise``, tests. A run is a function of its plan: the same plan gives the same trace, byte by byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tbie.sim.chance import Chance
from tbie.sim.checkers import Checkers
from tbie.sim.episode import NAMEABLE, episode
from tbie.sim.faults import CATALOGUE
from tbie.sim.heal import converge, heal
from tbie.sim.plan import Plan, draw
from tbie.sim.strike import begin, end
from tbie.sim.trace import Event
from tbie.sim.violation import ViolationError
from tbie.sim.world import World

PAUSES_MS = (0, 1, 20, 20, 300, 300, 1_100, 1_100, 2_500, 6_000, 11_000, 32_000)
"""How far time moves between two turns: from a blink, past grace, heartbeat and sweep, to past a lease."""


@dataclass(slots=True)
class Report:
    """What became of one seed."""

    plan: Plan
    checker: str | None = None
    """The promise that was broken, None if all held."""
    words: str = ""
    rounds: int = 0
    """Turns of everybody that it took to converge after the faults had ended."""
    checked: Mapping[str, int] = field(default_factory=dict)
    sometimes: Counter[str] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    """Why each item that did not settle does not move."""

    @property
    def ok(self) -> bool:
        """Whether everything held."""
        return self.checker is None


def plan_of(seed: int) -> Plan:
    """What *seed* means."""
    return draw(seed, tuple(CATALOGUE), NAMEABLE)


def run(plan: Plan, *, tracing: bool = False) -> Report:
    """Run *plan*. Never raises for a broken promise: that is what a report is for."""
    checkers = Checkers()
    world = World(plan, checkers, tracing=tracing)
    world.populate()
    world.strike = begin
    report = Report(plan)
    try:
        for step in range(plan.steps):
            _step(world, step)
        heal(world)
        report.rounds = converge(world)
    except ViolationError as violation:
        report.checker, report.words = violation.checker, violation.words
        world.note("checker", violation.checker, violation.words)
        report.stuck = world.stuck()
    except Exception as error:  # noqa: BLE001 - whatever the kernel raises where it promised not to, with its seed
        report.checker, report.words = "no unexpected error", f"{type(error).__name__}: {error}"
        world.note("checker", report.checker, report.words)
    report.checked, report.sometimes = checkers.counts(), world.sometimes
    report.events = world.events or []
    return report


def _step(world: World, step: int) -> None:
    world.chance = Chance(world.plan.seed, 3, step)  # so that a fault fewer does not shift what other steps draw
    world.due = []
    for fault, until in list(world.weather.standing.items()):
        if until <= step:
            end(world, fault)
    for fault in world.plan.faults:
        if fault.step == step:
            if fault.number & 1 and world.interleaving:
                world.due.append(fault)
            else:
                begin(world, fault)
    if world.plan.watched is not None and world.plan.watched.step == step:
        episode(world, world.plan.watched)
    world.turn(world.chance.pick(PAUSES_MS))
    for fault in world.due:
        begin(world, fault)
    world.checkers.after_step(world)
