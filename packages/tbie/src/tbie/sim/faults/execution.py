"""Faults of Execution: workers that die, hang, linger or never come up, handlers that fail, items that kill, rotten machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tbie.core.finding import Boundary
from tbie.sim.chance import Chance
from tbie.sim.faults.base import Effect, Kind
from tbie.sim.plan import Planned
from tbie.sim.weather import Armed
from tbie.sim.workload import POOLS, STAGES

if TYPE_CHECKING:
    from tbie.sim.world import World


def _crash(what: str, action: str) -> Effect:
    def begin(world: World, fault: Planned) -> None:
        world.weather.armed.append(Armed(fault, "worker", what, action))

    return begin


def _once(what: str) -> Effect:
    def begin(world: World, fault: Planned) -> None:
        world.weather.once.append((fault, what))

    return begin


def _mood(mood: str) -> tuple[Effect, Effect]:
    def begin(world: World, fault: Planned) -> None:
        world.weather.moods[fault] = (Chance(fault.number).pick(STAGES), mood)

    def end(world: World, fault: Planned) -> None:
        del world.weather.moods[fault]

    return begin, end


def _in_pool(counter: str) -> tuple[Effect, Effect]:
    def begin(world: World, fault: Planned) -> bool:
        pool = Chance(fault.number).pick(POOLS)
        getattr(world.weather, counter)[pool] += 1
        staffed = any(hand.pool == pool and hand.worker is not None and hand.alive for hand in world.fleet.staff)
        return staffed if counter == "drifted" else not staffed and bool(world.visible(pool))

    def end(world: World, fault: Planned) -> None:
        getattr(world.weather, counter)[Chance(fault.number).pick(POOLS)] -= 1

    return begin, end


def _poison(world: World, fault: Planned) -> None:
    world.adder.flaws.append(f"poison:{Chance(fault.number).pick(STAGES)}")


def _misrouted(world: World, fault: Planned) -> None:
    del fault
    world.adder.flaws.append("misrouted")


def _deaf_fleet(world: World, fault: Planned) -> None:
    """The supervisor dies in the middle of burying somebody."""
    what, action = Chance(fault.number).pick(
        (("intent.release_owner", "crash_after"), ("truth.commit", "crash_before"), ("intent.exchange", "crash_before"))
    )
    world.weather.armed.append(Armed(fault, "fleet", what, action))


def _driver_dies(world: World, fault: Planned) -> None:
    """Whoever drives a campaign dies at a page."""
    chance = Chance(fault.number)
    what = chance.pick(("truth.commit", "truth.commit", "truth.write_document"))
    world.weather.armed.append(Armed(fault, "campaign", what, chance.pick(("crash_before", "crash_after"))))


EXECUTION = (
    Kind("crash_before_commit", Boundary.EXECUTION, _crash("truth.commit", "crash_before")),
    Kind("crash_after_commit", Boundary.EXECUTION, _crash("truth.commit", "crash_after")),
    Kind("crash_before_settling", Boundary.EXECUTION, _crash("intent.exchange", "crash_before")),
    Kind("crash_after_claim", Boundary.EXECUTION, _crash("intent.exchange", "crash_after")),
    Kind("crash_in_handler", Boundary.EXECUTION, _once("die")),
    Kind("hang", Boundary.EXECUTION, _once("hang")),
    Kind("linger", Boundary.EXECUTION, _once("linger")),
    Kind("unstorable", Boundary.EXECUTION, _once("unstorable")),
    Kind("handler_retries", Boundary.EXECUTION, *_mood("retry")),
    Kind("handler_raises", Boundary.EXECUTION, *_mood("raise")),
    Kind("handler_terminal", Boundary.EXECUTION, *_mood("terminal")),
    Kind("handler_retriable", Boundary.EXECUTION, *_mood("retriable")),
    Kind("poison_item", Boundary.EXECUTION, _poison),
    Kind("misrouted_item", Boundary.INTENT, _misrouted),
    Kind("drift", Boundary.EXECUTION, *_in_pool("drifted"), ("execution_drift",)),
    Kind("boot_failure", Boundary.EXECUTION, *_in_pool("boot_fails"), ("worker_crash_loop", "bootstrap_silence")),
    Kind("boot_silence", Boundary.EXECUTION, *_in_pool("boot_silent"), ("bootstrap_silence",)),
    Kind("campaign_driver_dies", Boundary.CONTROL_PLANE, _driver_dies),
    Kind("supervisor_dies", Boundary.EXECUTION, _deaf_fleet),
)
