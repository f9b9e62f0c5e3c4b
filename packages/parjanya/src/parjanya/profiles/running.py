"""The control plane of an instance: its reconciler, its campaigns, and the engine that turns both and owns a fleet."""

from __future__ import annotations

import os
from dataclasses import dataclass

from parjanya.profiles import local
from parjanya.profiles.manifest import MANIFEST, this_machine
from parjanya.profiles.profile import Listener, OwnFleet
from parjanya.profiles.system import System
from parjanya.views.campaigns import grader, selector
from parjanya.views.overrides import Overrides
from tbie.campaign import Campaign, Driver
from tbie.campaign.record import Selects
from tbie.engine import Engine
from tbie.execution import Fleet
from tbie.reconciler.leader import Leadership
from tbie.reconciler.loop import Reconciler


@dataclass(slots=True)
class Running:
    """An engine with what it stands on."""

    engine: Engine
    fleet: OwnFleet
    reconciler: Reconciler
    listener: Listener

    def close(self) -> None:
        """Stop listening; the system itself stays open."""
        self.listener.close()


def open_reconciler(
    system: System, fleet: Fleet | None = None, workers: int = 0, leadership: Leadership | None = None
) -> Reconciler:
    """The control plane of this instance; without a fleet it only emits, without *leadership* as an operator does."""
    return Reconciler(
        system.workflow,
        system.truth,
        system.intent,
        system.objects.has,
        system.clock,
        system.settings,
        instance=str(os.getpid()),
        belief=system.profile.belief(system.workflow, system.intent, fleet),
        fleet=fleet,
        limits=system.profile.limits(system.workflow, workers) if fleet is not None else {},
        after_emit=system.intent_bell.ring,
        ledger=system.ledger,
        leadership=leadership,
        refresh=system.refresh,
    )


def open_campaigns(system: System, limit_rate: bool = True, limit_open: bool = True) -> Driver:
    """What goes on with the campaigns of this instance; without *limit_open* it does so although nobody works here."""

    overrides = Overrides(system.truth, system.clock)

    def select(campaign: Campaign) -> Selects:
        return selector(campaign, system.workflow, system.objects, overrides)

    return Driver(
        system.workflow,
        system.truth,
        system.clock,
        system.settings,
        select,
        grader(system.workflow),
        name=str(os.getpid()),
        limit_rate=limit_rate,
        limit_open=limit_open,
        after_reset=system.truth_bell.ring,
        refresh=system.refresh,
    )


def open_engine(system: System, workers: int) -> Running:
    """The reconciler and a fleet of up to *workers* processes. The caller leads the home (``Home.lead``)."""
    fleet = _open_fleet(system)
    # where the lock of the home makes sure that no other engine lives, a term that is left in Truth is a dead one's
    sole = system.profile.led_by_lock
    leadership = Leadership(system.truth, system.clock, system.settings, f"engine:{os.getpid()}", sole=sole)
    reconciler = open_reconciler(system, fleet, workers, leadership)
    listener = system.listen(local.TRUTH_BELL, "engine")
    campaigns = open_campaigns(system)
    engine = Engine(reconciler, fleet, listener.wait, system.settings, lambda: campaigns.step().more)
    return Running(engine, fleet, reconciler, listener)


def open_crew(system: System, workers: int) -> OwnFleet:
    """Up to *workers* processes whose size nobody changes: for a system whose control plane is elsewhere. `supervise` it."""
    fleet = _open_fleet(system)
    for pool, limit in system.profile.limits(system.workflow, workers).items():
        fleet.set_desired(pool, limit.ceiling)
    return fleet


def _open_fleet(system: System) -> OwnFleet:
    if system.profile.owns_workers or system.truth.read_meta(MANIFEST) is None:
        system.truth.write_meta(MANIFEST, this_machine(system.workflow).to_json())
    return system.profile.open_fleet(system)
