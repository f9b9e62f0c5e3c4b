"""Faults of Intent: messages that vanish, come twice, come late, lead elsewhere, or outlive their token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tbie.core.finding import Boundary
from tbie.core.keys import Address, ItemKey
from tbie.intent import Envelope
from tbie.sim.chance import Chance
from tbie.sim.faults.base import Kind, count
from tbie.sim.plan import Planned
from tbie.sim.workload import NOWHERE

if TYPE_CHECKING:
    from tbie.backends.memory.intent import Stored
    from tbie.sim.world import World

LOST = ("truth_without_intent", "intent_destroyed_early")
"""Which of the two depends on what is left of the queue."""
WEEKEND_MS = 15 * 86_400_000
"""Longer than the retention."""


def _purge(world: World, fault: Planned) -> bool:
    stage = Chance(fault.number).pick((None, None, "read", "look", "judge"))
    wanted = any(world.wanted(name) for name in world.intent.everything() if stage in (None, name[0]))
    world.intent.purge(stage)
    world.checkers.destroyed()
    return wanted


def _any(world: World, fault: Planned) -> tuple[tuple[str, ItemKey], Stored] | None:
    queued = sorted(world.intent.everything().items())
    return Chance(fault.number).pick(queued) if queued else None


def _lose_one(world: World, fault: Planned) -> bool:
    found = _any(world, fault)
    if found is None:
        return False
    wanted = world.wanted(found[0])
    del world.intent.everything()[found[0]]
    world.checkers.destroyed()
    return wanted


def _rogue(world: World, fault: Planned) -> bool:
    """A worker of some other program deletes what it was just given, without a result."""
    held = [n for n, m in sorted(world.intent.everything().items()) if m.receives]
    queued = held or sorted(world.intent.everything())
    if not queued:
        return False
    name = Chance(fault.number).pick(queued)
    wanted = world.wanted(name)
    world.sometimes["a taken intent was destroyed"] += name in held
    del world.intent.everything()[name]
    world.checkers.destroyed()
    return wanted


def _again(world: World, fault: Planned) -> None:
    """A message that was delivered is visible again while its worker is still at it."""
    held = [m for _, m in sorted(world.intent.everything().items()) if m.owner is not None]
    if not held:
        world.weather.once.append((fault, "redeliver"))  # the next one that is taken
    else:
        message = Chance(fault.number).pick(held)
        message.visible_ms = 0
        world.sometimes["a lease ended early"] += 1


def _old_token(world: World, fault: Planned) -> None:
    """An intent of some earlier time arrives again, with the token of that time."""
    chance = Chance(fault.number)
    stale = [
        (token, issued)
        for token, issued in world.shadow.tokens.items()
        if world.shadow.open.get((issued.stage, issued.key)) not in (None, token)
    ]
    old = stale or list(world.shadow.tokens.items())
    if not old:
        return
    token, issued = chance.pick(old)
    about = world.shadow.about[issued.key]
    declared, address = world.workflow[issued.stage], Address(*about["address"])
    named = (issued.key, issued.stage, issued.generation, token, declared.version, address)
    world.intent.send([Envelope(*named, ",".join(declared.owns))])
    world.checkers.destroyed()
    world.sometimes["a stale token was revived"] += bool(stale)


def _reorder(world: World, fault: Planned) -> None:
    chance = Chance(fault.number)
    messages = [m for _, m in sorted(world.intent.everything().items())]
    if len(messages) > 1:
        one, other = chance.pick(messages), chance.pick(messages)
        one.rank, other.rank = other.rank, one.rank
        world.checkers.fair.excuse()


def _weekend(world: World, fault: Planned) -> bool:
    """Everything is switched off for longer than messages are kept."""
    del fault
    wanted = any(world.wanted(name) for name in world.intent.everything())
    for control in world.controls:
        control.kill(0)
    for hand in world.fleet.staff:
        hand.process.dead = True
    world.clock.advance_ms(WEEKEND_MS)
    world.sometimes["a message expired"] += world.intent.expire()
    world.weather.once.clear()
    world.checkers.destroyed()
    world.checkers.sound.forget()
    world.sometimes["a long weekend passed"] += 1
    return wanted


def _wrong_address(world: World, fault: Planned) -> bool:
    found = _any(world, fault)
    if found is None:
        return False
    name, stored = found
    stored.envelope = stored.envelope._replace(address=Address(NOWHERE, stored.envelope.address.key))
    world.sometimes["an intent led nowhere"] += 1
    return world.wanted(name)


INTENT = (
    Kind("intent_away", Boundary.INTENT, *count("away", "intent"), ("queue_unreadable", "control_plane_blind")),
    Kind("purge", Boundary.INTENT, _purge, None, LOST),
    Kind("lose_one", Boundary.INTENT, _lose_one, None, LOST),
    Kind("rogue_worker", Boundary.INTENT, _rogue, None, LOST),
    Kind("redelivery", Boundary.INTENT, _again),
    Kind("old_token", Boundary.INTENT, _old_token),
    Kind("reorder", Boundary.INTENT, _reorder),
    Kind(
        "weekend", Boundary.INTENT, _weekend, None, ("intent_expired", "truth_without_intent", "control_plane_silent")
    ),
    Kind("wrong_address", Boundary.INTENT, _wrong_address, None, ("misrouted_intent",)),
)
