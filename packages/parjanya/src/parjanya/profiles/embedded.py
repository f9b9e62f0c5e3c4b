"""The embedded profile: SQLite for Truth and Intent, a directory for objects, local processes for execution.

``open_system`` gives what any command needs; ``open_engine`` adds the reconciler and the fleet. What a worker process of that
fleet does is in ``workers``.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from parjanya.catalog.paths import key_to_path
from parjanya.home import Home
from parjanya.imaging.limits import Limits
from parjanya.profiles.declaration import declared_in
from parjanya.profiles.engines import DeclaredEngine, environment_of
from parjanya.profiles.environment import from_environment
from parjanya.profiles.hands import in_words, told
from parjanya.profiles.manifest import MANIFEST, this_machine
from parjanya.profiles.policies import Policies
from parjanya.stages import curate, group, observe, preview, quality, technical
from parjanya.views.campaigns import grader, selector
from parjanya.views.candidates import load_candidates
from parjanya.views.overrides import Overrides
from parjanya.vision.declared import Classical, Declared
from parjanya.workflow import POOL, VISION, image_workflow
from tbie.backends.sqlite.belief import belief
from tbie.backends.sqlite.bell import Bell, Listener
from tbie.backends.sqlite.execution import Death, ProcessFleet
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.ledger import SqliteLedger
from tbie.backends.sqlite.objects import LocalObjects
from tbie.backends.sqlite.slot import SUFFIX, is_alive, read_slot
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.campaign import Campaign, Driver
from tbie.campaign.record import Selects
from tbie.core.clock import Clock, SystemClock
from tbie.core.errors import TbieError, TruthUnavailableError
from tbie.core.ids import Ids, RandomIds
from tbie.core.settings import Settings
from tbie.engine import Engine
from tbie.execution import AsTheyCome, Handlers, OneByOne, Together
from tbie.logs import Events, logged_intent, logged_ledger, logged_truth
from tbie.logs.events import WARNING
from tbie.objects import ObjectStore
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.leader import Leadership
from tbie.reconciler.loop import Reconciler
from tbie.worker import settle_death
from tbie.workflow import Workflow

TRUTH_BELL, INTENT_BELL = "truth", "intent"


@dataclass(slots=True)
class System:
    """One embedded instance, opened."""

    home: Home
    workflow: Workflow
    truth: SqliteTruth
    intent: SqliteIntent
    objects: LocalObjects
    ledger: SqliteLedger
    clock: Clock
    ids: Ids
    settings: Settings
    truth_bell: Bell
    intent_bell: Bell
    events: Events | None = None
    """Where this process says what it does, if anybody listens."""
    declared: Declared = field(default_factory=Classical)
    """The engine that looks at the images of this home."""
    engine: DeclaredEngine | None = None
    """The same, to look through; None if it is the classical one alone. Opened by whoever looks first."""
    policies: Policies = field(default_factory=Policies)
    """Which policies decide."""

    def adopt(self) -> bool:
        """Follow what Truth declares by now; whether that is something else. To be called before anything was told or begun."""
        declared = declared_in(self.truth)
        if declared == self.declared:
            return False
        workflow = image_workflow(declared)
        truth = SqliteTruth(self.home.truth, workflow, self.clock, self.ids, create=False)
        self.truth.close()
        self.declared, self.workflow, self.truth = declared, workflow, truth
        self.engine = None if isinstance(declared, Classical) else DeclaredEngine(declared, self.clock)
        self.refresh()
        return True

    def refresh(self) -> None:
        """Declare which policy decides for whom by now."""
        self.policies.refresh(self.truth, self.workflow)

    def tell(self, component: str, instance: str) -> Events:
        """From now on say what goes through the stores, as *component*."""
        self.events = events = Events(component, instance, self.clock)
        self.truth, self.intent = logged_truth(self.truth, events), logged_intent(self.intent, events)
        self.ledger = logged_ledger(self.ledger, events)
        return events

    def bury(self, death: Death) -> None:
        """Free what a dead worker held, and charge what it was working on."""
        suspects = death.suspects
        evidence = dict(death.evidence)
        if death.doing is not None:
            evidence["stage"] = death.doing.stage
        if self.events is not None:
            self.events.say(
                WARNING,
                "death",
                decision=suspects[0] if len(suspects) == 1 else None,
                owner=death.owner,
                reason=death.reason,
                **told(death),
            )
        args = (self.workflow, self.truth, self.intent, death.reason, evidence)
        if settle_death(death.owner, suspects, *args):
            self.intent_bell.ring()
            self.truth_bell.ring()

    def handlers(self, limits: Limits, objects: ObjectStore | None = None) -> Handlers:
        """What executes each stage on this machine; with *objects*, over that store instead of the home's."""
        objects = objects or self.objects
        return {
            technical.NAME: OneByOne(technical.make_handler(limits)),
            preview.NAME: OneByOne(preview.make_handler(objects, limits)),
            quality.NAME: OneByOne(quality.make_handler(objects)),
            observe.NAME: self._observing(objects),
            group.NAME: Together(group.make_batch_handler(partial(load_candidates, self.truth))),
            curate.NAME: Together(curate.make_batch_handler(lambda version: self.policies.of(self.truth, version))),
        }

    def _observing(self, objects: ObjectStore) -> OneByOne | AsTheyCome:
        if self.engine is None:
            return OneByOne(observe.make_handler(objects))
        return AsTheyCome(observe.make_flow(objects, self.engine, self.clock), self.engine.worn)

    def workers(self) -> dict[str, str]:
        """The workers alive in this home, whoever started them, and what each is doing (``idle`` or ``stage item``)."""
        found = {}
        for path in sorted(self.home.run.glob(f"*{SUFFIX}")):
            if is_alive(path):
                doing = read_slot(path)
                found[path.name.removesuffix(SUFFIX)] = in_words(doing) if doing else "idle"
        return found

    def listen(self, topic: str, name: str) -> Listener:
        """Hear the bell of *topic*: ``truth`` rings when something was committed, ``intent`` when work was queued."""
        return Listener(self.home.run, topic, f"{name}-{os.getpid()}")

    def close(self) -> None:
        """Let go of everything."""
        if self.engine is not None:
            self.engine.close()
        for thing in (self.truth, self.intent, self.ledger, self.truth_bell, self.intent_bell):
            thing.close()


def open_system(
    home: Home, settings: Settings | None = None, clock: Clock | None = None, *, create: bool = True
) -> System:
    """Open the instance in *home*; with *create*, begin it if there is none.

    Raises:
        HomeError, TruthUnavailableError, NewerSchemaError, SettingsError, EngineUnknownError: with words for the user.
    """
    clock, ids, settings = clock or SystemClock(), RandomIds(), settings or from_environment()
    workflow = image_workflow()
    _refuse_to_replace(home)
    system = System(
        home,
        workflow,
        SqliteTruth(home.truth, workflow, clock, ids, create=create),
        SqliteIntent(home.intent, clock, settings.retention_s),
        LocalObjects(home.objects, {"file": key_to_path}),
        SqliteLedger(home.ledger, settings.ledger_rows),
        clock,
        ids,
        settings,
        Bell(home.run, TRUTH_BELL),
        Bell(home.run, INTENT_BELL),
    )
    try:
        if not system.adopt():
            system.refresh()
    except TbieError:
        system.close()
        raise
    return system


def _refuse_to_replace(home: Home) -> None:
    """An empty record in the place of a lost one would look like an instance without work, and be worked with.

    Truth is begun before the others, so whoever sees one of them and not Truth sees a loss and no beginning.
    """
    rest = [path.name for path in (home.intent, home.ledger) if path.exists()]
    if rest and not os.path.lexists(home.truth):
        raise TruthUnavailableError(
            f"{home.truth} is missing, but {' and '.join(rest)} beside it shows that it was there: restore it. "
            f"To begin anew, delete {' and '.join(rest)} too. Nothing was changed."
        )


def default_workers() -> int:
    """One worker for each core this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1))


@dataclass(slots=True)
class Running:
    """An engine with what it stands on."""

    engine: Engine
    fleet: ProcessFleet
    reconciler: Reconciler
    listener: Listener

    def close(self) -> None:
        """Stop listening; the system itself stays open."""
        self.listener.close()


def open_reconciler(
    system: System, fleet: ProcessFleet | None = None, workers: int = 0, leadership: Leadership | None = None
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
        belief=belief(system.workflow, system.intent, fleet),
        fleet=fleet,
        limits=_limits(system.workflow, workers) if fleet is not None else {},
        after_emit=system.intent_bell.ring,
        ledger=system.ledger,
        leadership=leadership,
        refresh=system.refresh,
    )


def _limits(workflow: Workflow, workers: int) -> dict[str, PoolLimits]:
    """A model fills its device, a server is asked many things at once: one process of the pool vision is enough."""
    sizes = {POOL: PoolLimits(workers, per_worker=1), VISION: PoolLimits(1, per_worker=1)}
    return {pool: limit for pool, limit in sizes.items() if pool in workflow.pools}


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
    system.truth.write_meta(MANIFEST, this_machine(system.workflow).to_json())
    command = partial(_command, system.home.root)
    fleet = ProcessFleet(system.home.run, command, system.bury, system.clock, system.ids, environment_of)
    # the lock of the home makes sure that no other engine lives, so a term that is left in Truth is a dead one's
    leadership = Leadership(system.truth, system.clock, system.settings, f"engine:{os.getpid()}", sole=True)
    reconciler = open_reconciler(system, fleet, workers, leadership)
    listener = system.listen(TRUTH_BELL, "engine")
    campaigns = open_campaigns(system)
    engine = Engine(reconciler, fleet, listener.wait, system.settings, lambda: campaigns.step().more)
    return Running(engine, fleet, reconciler, listener)


def _command(root: Path, pool: str, owner: str) -> list[str]:
    return [sys.executable, "-m", "parjanya.profiles.worker_process", str(root), pool, owner]
