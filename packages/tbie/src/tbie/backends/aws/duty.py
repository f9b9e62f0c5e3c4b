"""What a worker does now, from where its instance belongs, what is announced, and what it holds. Pure.

Caller: ``instance``, which looks, decides here, and does it. Two promises are kept here and nowhere else: nothing is begun on an
instance that does not protect itself, and nothing is kept on one that is about to go.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tbie.backends.aws.groups import LAUNCH_HOOK, TERMINATE_HOOK

IN_SERVICE = "InService"
GONE = ("Terminated", "Warmed:Terminated")


class Phase(StrEnum):
    """What a worker is doing: the word in its heartbeat."""

    LOST = "lost"  # nobody has told yet where this instance belongs
    LOADING = "loading"  # it reads and attests what it needs
    WARM = "warm"  # it is ready, and waits in the warm pool
    DECLINING = "declining"  # it is not what was declared
    STARTING = "starting"  # it is ready, and not yet known to be protected
    IDLE = "idle"
    BUSY = "busy"
    ASIDE = "aside"  # in standby, or detached: somebody's hand
    DRAINING = "draining"  # it ends what it holds
    LEAVING = "leaving"  # it holds nothing, and goes


@dataclass(frozen=True, slots=True)
class DutySettings:
    """How patient a worker is on an instance."""

    look_interval_s: float = 2.0
    """How often the metadata are asked: two minutes' notice is long against it, and they cost nothing."""
    unprotect_after_s: float = 60.0
    """So long without anything in hand, then scale-in may take the instance: a call at each end of a busy time, none per item."""
    give_back_margin_s: float = 15.0
    """Before the machine goes: time to give back what is still held, in one call, on a slow day."""
    drain_budget_s: float = 1_800.0
    """The longest that an instance is kept only to end what it holds, where AWS sets no time of its own."""
    hook_extend_interval_s: float = 60.0
    """How often an open lifecycle hook is told that it takes longer: well within the shortest sensible time of a hook."""
    load_budget_s: float = 900.0
    """So long the hook of a launch is told that it takes longer: then a worker that hangs while it loads is replaced."""
    event_lead_s: float = 300.0
    """So long before a scheduled stop, retirement or reboot no more is taken."""
    retry_interval_s: float = 2.0
    """After a refused call that protects; doubles up to a minute."""
    drain_on_rebalance: bool = False
    """A raised risk is no notice. Only a group with capacity rebalancing has a replacement on its way, and lets this one go."""


@dataclass(frozen=True, slots=True)
class Seen:
    """All that the decision rests on."""

    target: str | None
    """The state that the group wants the instance in, as last told."""
    ready: bool
    """Everything is loaded, and attested one way or the other."""
    loading_s: float
    """Since this process began."""
    declines: bool
    """The attestation found a difference."""
    holds: bool
    asking: bool
    """An exchange with the queue is under way: in a moment it may hold something."""
    held_nothing_s: float
    protected: bool | None
    """None: nobody knows, after a start or a call without an answer."""
    may_call: bool
    """No refused call to protect is younger than its pause."""
    served: bool
    """It has been in service since this process began."""
    left_s: float | None
    """Until the machine goes; None if nothing is announced."""
    draining_s: float
    hook_done: str | None
    """The target for which the hook was completed."""
    since_extended_s: float


@dataclass(frozen=True, slots=True)
class Duty:
    """What to do now."""

    phase: Phase
    take: bool = False
    """Whether work may be taken. What was taken may be begun only once the instance is protected."""
    protect: bool | None = None
    """Set the protection so; None: leave it."""
    complete: str | None = None
    """Complete this lifecycle hook."""
    extend: str | None = None
    """Tell this hook that it takes longer."""
    drain: bool = False
    """Begin nothing new, end what is begun."""
    give_back: bool = False
    """Time is over: give back what is held, and end."""
    leave: bool = False
    """End this process; the machine goes."""


def decide(seen: Seen, settings: DutySettings) -> Duty:
    """The duty of this moment."""
    if seen.left_s is not None or seen.target in GONE:
        return _going(seen, settings)
    if seen.target is None:
        return Duty(Phase.LOST)
    if seen.target.startswith("Warmed:"):
        return _to_the_pool(seen, settings)
    if seen.target != IN_SERVICE:
        return Duty(Phase.ASIDE)
    return _to_service(seen, settings)


def _loading(seen: Seen, settings: DutySettings) -> Duty:
    if seen.loading_s < settings.load_budget_s:
        due = seen.since_extended_s >= settings.hook_extend_interval_s
        return Duty(Phase.LOADING, extend=LAUNCH_HOOK if due else None)
    # it hangs: its hook runs out; and if it was started again in service, it lets go of what protected its forerunner
    let_go = seen.target == IN_SERVICE and seen.protected is not False and seen.may_call
    return Duty(Phase.LOADING, protect=False if let_go else None)


def _to_the_pool(seen: Seen, settings: DutySettings) -> Duty:
    """A first boot, after which the machine is stopped; or, where the group reuses its instances, one after it has served."""
    if seen.served and (seen.holds or seen.asking):
        return Duty(Phase.DRAINING)
    if not seen.ready:
        return _loading(seen, settings)
    hook = TERMINATE_HOOK if seen.served else LAUNCH_HOOK
    return Duty(Phase.WARM, complete=hook if seen.hook_done != seen.target else None)


def _to_service(seen: Seen, settings: DutySettings) -> Duty:
    if not seen.ready:
        return _loading(seen, settings)
    if seen.hook_done != seen.target:
        return Duty(Phase.STARTING, complete=LAUNCH_HOOK)
    return _serving(seen, settings)


def _serving(seen: Seen, settings: DutySettings) -> Duty:
    idle = not seen.holds and not seen.asking
    if seen.declines:
        return Duty(Phase.DECLINING, protect=False if seen.protected is not False and seen.may_call and idle else None)
    if seen.holds:
        return Duty(Phase.BUSY, take=True)
    if seen.protected is None:  # also how it learns that it has come into service: before, the call is refused
        return Duty(Phase.STARTING, protect=True if seen.may_call else None)
    tired = seen.protected and seen.held_nothing_s >= settings.unprotect_after_s and seen.may_call
    return Duty(Phase.IDLE, take=seen.protected or seen.may_call, protect=False if tired else None)


def _going(seen: Seen, settings: DutySettings) -> Duty:
    hooked = seen.target in GONE
    if not seen.holds and not seen.asking:
        complete = TERMINATE_HOOK if hooked and seen.hook_done != seen.target else None
        return Duty(Phase.LEAVING, drain=True, complete=complete, leave=True)
    over = seen.draining_s >= settings.drain_budget_s
    if over or (seen.left_s is not None and seen.left_s <= settings.give_back_margin_s):
        return Duty(Phase.LEAVING, drain=True, give_back=True, leave=True)
    extend = TERMINATE_HOOK if hooked and seen.since_extended_s >= settings.hook_extend_interval_s else None
    return Duty(Phase.DRAINING, drain=True, extend=extend)
