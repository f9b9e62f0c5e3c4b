"""One instance, opened: what every command, page and drill holds in its hand, wherever the instance lives.

``open_system`` opens what the home declares (``declared_profile``); nothing above this package names a backend. What an engine
adds to it is in ``running``, what a worker process does in ``workers``.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from parjanya.catalog.items import Found, Ingested
from parjanya.home import Home
from parjanya.imaging.limits import Limits
from parjanya.profiles import local
from parjanya.profiles.declaration import declared_in
from parjanya.profiles.declared_profile import ProfileError, declared_profile
from parjanya.profiles.embedded import Embedded
from parjanya.profiles.engines import DeclaredEngine
from parjanya.profiles.environment import CLOUD, PROFILE, from_environment
from parjanya.profiles.policies import Policies
from parjanya.profiles.profile import Bell, Listener, Profile
from parjanya.stages import curate, group, observe, preview, quality, technical
from parjanya.views.candidates import load_candidates
from parjanya.vision.declared import Classical, Declared
from parjanya.workflow import image_workflow
from tbie.core.clock import Clock, SystemClock
from tbie.core.errors import TbieError
from tbie.core.ids import Ids, RandomIds
from tbie.core.refusal import Refusal
from tbie.core.settings import Settings
from tbie.execution import AsTheyCome, Handlers, OneByOne, Together
from tbie.intent import IntentQueue
from tbie.logs import Events, logged_intent, logged_ledger, logged_truth
from tbie.objects import ObjectStore
from tbie.reconciler.ledger import Ledger
from tbie.refused import keep
from tbie.truth import TruthStore
from tbie.workflow import Workflow


@dataclass(slots=True)
class System:
    """One instance, opened."""

    home: Home
    profile: Profile
    workflow: Workflow
    truth: TruthStore
    intent: IntentQueue
    objects: ObjectStore
    ledger: Ledger
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
        truth = self.profile.open_truth(workflow, create=False)
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

    def handlers(self, limits: Limits, objects: ObjectStore | None = None) -> Handlers:
        """What executes each stage on this machine; with *objects*, over that store instead of the home's."""
        sources = self.profile.sources(self.objects)
        objects = objects or self.objects
        return {
            technical.NAME: OneByOne(technical.make_handler(limits, sources)),
            preview.NAME: OneByOne(preview.make_handler(objects, limits, sources)),
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
        """The workers alive, whoever started them, and what each is doing (``idle`` or ``stage item``)."""
        return self.profile.workers(self.truth)

    def take_in(
        self, tenant: str, files: Iterable[Found], who: str, between: Callable[[Ingested], object] = lambda _: None
    ) -> Ingested:
        """Make items of *files*; *between* is called after each group, so that work on the first begins at once."""
        return self.profile.take_in(self, tenant, files, who, between)

    def listen(self, topic: str, name: str) -> Listener:
        """Hear the bell of *topic*: ``truth`` rings when something was committed, ``intent`` when work was queued."""
        return local.listener(self.home, topic, f"{name}-{os.getpid()}")

    def close(self) -> None:
        """Let go of everything."""
        if self.engine is not None:
            self.engine.close()
        for thing in (self.truth, self.intent, self.ledger, self.truth_bell, self.intent_bell, self.profile):
            thing.close()


def settings_of(home: Home) -> Settings:
    """The numbers by which the instance that *home* declares runs.

    Raises:
        SettingsError, ProfileError: with words for the user.
    """
    place = declared_profile(home)
    return from_environment(defaults=CLOUD if place is not None and place.on_schedule else PROFILE)


def _profile_of(home: Home, settings: Settings, clock: Clock, ids: Ids) -> Profile:
    place = declared_profile(home)
    if place is None:
        return Embedded(home, settings, clock, ids)
    if importlib.util.find_spec("boto3") is None:
        raise ProfileError(
            f"{home.root} is an instance on AWS, and boto3 is not installed here: pip install 'parjanya[aws]'"
        )
    from parjanya.profiles.aws import Aws  # noqa: PLC0415 - for homes that say so alone

    return Aws(home, place, settings, clock, ids)


def open_system(
    home: Home, settings: Settings | None = None, clock: Clock | None = None, *, create: bool = True
) -> System:
    """Open the instance that *home* declares; with *create*, begin an embedded one if there is none.

    Raises:
        HomeError, TruthUnavailableError, NewerSchemaError, SettingsError, EngineUnknownError: with words for the user.
    """
    clock, ids, settings = clock or SystemClock(), RandomIds(), settings or settings_of(home)
    profile = _profile_of(home, settings, clock, ids)
    workflow = image_workflow()

    def refusing(component: str, refused: Sequence[Refusal]) -> None:
        keep(system.truth, component, refused, clock.now_ms())  # which is another one after ``adopt``

    system = System(
        home,
        profile,
        workflow,
        profile.open_truth(workflow, create=create),
        profile.open_intent(workflow, refusing),
        profile.open_objects(),
        profile.open_ledger(),
        clock,
        ids,
        settings,
        local.bell(home, local.TRUTH_BELL),
        local.bell(home, local.INTENT_BELL),
    )
    try:
        if not system.adopt():
            system.refresh()
    except TbieError:
        system.close()
        raise
    return system
