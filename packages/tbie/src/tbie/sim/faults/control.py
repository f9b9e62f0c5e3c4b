"""Faults of the control plane: dead, paused beyond its lease, doubled, blind, amnesiac, redeployed, in another time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tbie.core.finding import Boundary
from tbie.sim.chance import Chance
from tbie.sim.declaring import STAGE
from tbie.sim.faults.base import Effect, Kind
from tbie.sim.plan import Planned
from tbie.sim.weather import Armed
from tbie.sim.workload import gallery

if TYPE_CHECKING:
    from tbie.sim.world import World

CALLS = ("truth.commit", "intent.send", "truth.opened_since", "truth.save_cursor", "truth.open_stages", "truth.beat")


def _killed(world: World, fault: Planned) -> None:
    chance = Chance(fault.number)
    chance.pick(world.controls).kill(chance.pick((200, 3_000, 15_000, 40_000)))


def _all_killed(world: World, fault: Planned) -> bool:
    for control in world.controls:
        control.gone = True
        control.kill(0)
    return True


def _started_again(world: World, fault: Planned) -> None:
    del fault
    for control in world.controls:
        control.gone = False


def _strikes(calls: Sequence[str], *actions: str) -> Effect:
    def begin(world: World, fault: Planned) -> None:
        chance = Chance(fault.number)
        world.weather.armed.append(Armed(fault, "reconciler", chance.pick(calls), chance.pick(actions)))

    return begin


def _second(world: World, fault: Planned) -> None:
    """Somebody starts another one, as if there were none."""
    del fault
    world.start_control()


def _second_leaves(world: World, fault: Planned) -> None:
    del fault
    if len(world.controls) > world.plan.reconcilers:
        world.stop_control()


def _gap(world: World, fault: Planned) -> bool:
    """The saved position moves past changes that nobody has read, and whoever reads starts from it."""
    del fault
    skipped = world.unread()
    world.sometimes["the stream skipped something"] += skipped
    world.checkers.bounded.excuse(world)
    world.truth.save_cursor("reconciler", world.truth.last_seq())
    for control in world.controls:
        control.kill(0)
    return skipped


def _cursor_lost(world: World, fault: Planned) -> None:
    del fault
    world.truth.save_cursor("reconciler", 0)
    for control in world.controls:
        control.kill(0)
    world.sometimes["the cursor was lost"] += 1


def _blind(by: int) -> Effect:
    def change(world: World, fault: Planned) -> None:
        del fault
        world.weather.denied += by

    return change


def _deploy(world: World, fault: Planned) -> bool:
    """Another version is deployed: new processes have it, old workers go on until they notice."""
    del fault
    world.version += 1
    world.workflow = gallery(world.version, world.plan.claim_batch)
    world.activations.declare(world.workflow)
    for control in world.controls:
        control.kill(0)
    world.fleet.open()
    world.sometimes["another version was deployed"] += 1
    return any(r["state"] == "completed" for rows in world.shadow.rows.values() for n, r in rows.items() if n == "look")


def _activate(world: World, fault: Planned) -> bool:
    """Another version of one stage holds for one tenant: each process knows of it when it looks next."""
    tenant = f"t{Chance(fault.number).below(world.plan.tenants) + 1}"
    world.activations.activate(world, tenant)
    world.sometimes["a version was activated for a tenant"] += 1
    return any(
        key.tenant == tenant and rows.get(STAGE, {}).get("state") == "completed"
        for key, rows in world.shadow.rows.items()
    )


def _skew(sign: int) -> Effect:
    """The clock of one reconciler, or of the machine of the workers, is off."""

    def change(world: World, fault: Planned) -> None:
        chance = Chance(fault.number)
        skew_ms = sign * chance.pick((-120_000, -9_000, -2_000, 2_000, 9_000, 40_000, 120_000))
        number = chance.below(16)
        if number % 2:
            control = world.controls[number % len(world.controls)]
            control.skew_ms = control.process.clock.skew_ms = skew_ms
        else:
            for hand in world.fleet.staff[number % 3 :]:
                hand.process.clock.skew_ms = skew_ms
        world.tolerance_ms = max(world.tolerance_ms, abs(skew_ms))

    return change


CONTROL = (
    Kind("reconciler_killed", Boundary.CONTROL_PLANE, _killed),
    Kind("reconcilers_gone", Boundary.CONTROL_PLANE, _all_killed, _started_again, ("control_plane_silent",)),
    Kind("reconciler_crashes", Boundary.CONTROL_PLANE, _strikes(CALLS, "crash_before", "crash_after")),
    Kind("leader_paused", Boundary.CONTROL_PLANE, _strikes(("truth.commit", "truth.commit", "intent.send"), "pause")),
    Kind("two_reconcilers", Boundary.CONTROL_PLANE, _second, _second_leaves),
    Kind("stream_gap", Boundary.CONTROL_PLANE, _gap, None, ("stream_gap", "undiscovered_tenant")),
    Kind("cursor_lost", Boundary.CONTROL_PLANE, _cursor_lost),
    Kind("blind", Boundary.CONTROL_PLANE, _blind(1), _blind(-1), ("control_plane_blind",)),
    Kind("deploy", Boundary.TRUTH, _deploy, None, ("policy_change",)),
    Kind("activation", Boundary.TRUTH, _activate, None, ("policy_change",)),
    Kind("clock_skew", Boundary.BELIEF, _skew(1), _skew(0)),
)
