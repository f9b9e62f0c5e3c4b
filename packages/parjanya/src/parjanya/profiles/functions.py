"""The aws profile as a function opens it: no home, no image library, nothing but what control needs, from the environment.

Callers: the shells in ``parjanya.functions``. The workflow is what was published in Truth (``tbie.published``), else what the
build packed beside this program; only the sweep makes it anew where an engine was declared, and publishes it for the others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import parjanya
from parjanya.catalog.uploads import BUCKET, NotAnUploadError, upload_of
from parjanya.profiles.environment import CLOUD, from_environment
from parjanya.profiles.function_environment import Environment, read
from parjanya.profiles.function_stores import Stores
from tbie.backends.aws.belief import belief
from tbie.backends.aws.client import Clients, Connecting
from tbie.backends.aws.execution import AsgFleet
from tbie.backends.aws.groups import Declared
from tbie.backends.aws.intent import SqsIntent
from tbie.backends.aws.ledger import DynamoLedger
from tbie.backends.aws.objects import S3Objects
from tbie.backends.aws.place import Place
from tbie.backends.aws.truth import DynamoTruth
from tbie.core.clock import Clock, SystemClock
from tbie.core.errors import MisroutedIntentError, SettingsError
from tbie.core.ids import RandomIds
from tbie.core.keys import Address
from tbie.core.refusal import Refusal
from tbie.core.settings import Settings
from tbie.published import from_json, published
from tbie.reconciler.fleet import PoolLimits
from tbie.refused import keep
from tbie.truth import TruthStore
from tbie.workflow import Workflow

CLIENTS = "clients"
NAME = "images"
"""Of the workflow."""
PACKED = Path(parjanya.__file__).with_name("workflow.json")
"""Written by the build: ``{"of": what it was made from, "workflow": …}``. A checkout has none, and makes it from the stages."""

PROMPT = Connecting(connect_timeout_s=2.0, read_timeout_s=10.0, attempts=4, connections=8)
"""A function is paid by the second, and what called it tries again."""
HASTY = Connecting(connect_timeout_s=1.0, read_timeout_s=2.0, attempts=2, connections=2)
"""For the ledger, which work does not wait for: one that hangs is given up before the time of a pass is over."""
FLEET = PoolLimits(1_000, 50)
"""Of a pool that nobody spoke of: as many as its group allows, one for each 50 open stages."""
POLICIES_S = 30.0
"""How long what was declared for tenants is used before it is read again: the worker, which decides by it, reads it itself."""


def open_stores(environment: Mapping[str, str]) -> Stores:
    """What ``reconcile`` works with.

    Raises:
        SettingsError, WorkflowError: the function is deployed wrongly. TruthUnavailableError: Truth cannot be asked.
    """
    said, settings, clock = read(environment), settings_of(environment), SystemClock()
    clients = Clients(Place(said.region, said.prefix, said.bucket, said.endpoint), PROMPT)
    workflow, revision, truth = _open_truth(clients, clock)
    stages = [stage.name for stage in workflow.stages]

    def refusing(component: str, refused: Sequence[Refusal]) -> None:
        keep(truth, component, refused, clock.now_ms())

    intent = SqsIntent(clients, clock, settings.retention_s, stages, refusing=refusing)
    sizes = _sizes(said, workflow)
    fleet = AsgFleet(clients.autoscaling, clients.place, clock, {pool: Declared() for pool in sizes}) if sizes else None
    stores = Stores(
        said.prefix,
        said.bucket,
        said.instance,
        workflow,
        truth,
        intent,
        DynamoLedger(clients.asking(HASTY), clock, settings.ledger_rows, shortens=False),
        clock,
        settings,
        resolve,
        belief(workflow, intent, fleet),
        fleet,
        sizes,
        Policies(truth, workflow, clock),
        lambda: _revision(truth) == revision,
    )
    stores.extra[CLIENTS] = clients
    return stores


def open_sweeping(environment: Mapping[str, str]) -> Stores:
    """What ``sweep`` works with: the same, and what else a control plane does.

    Raises:
        SettingsError, WorkflowError, TruthUnavailableError: as ``open_stores``.
    """
    from parjanya.profiles.function_chores import Chores  # noqa: PLC0415 - the others need nothing of it

    stores = open_stores(environment)
    stores.ledger = DynamoLedger(clients_of(stores).asking(HASTY), stores.clock, stores.settings.ledger_rows)
    objects, policies = partial(S3Objects, clients_of(stores)), Policies(stores.truth, stores.workflow, stores.clock)
    stores.extra["chores"] = Chores(stores, packed()[1], objects, policies.now)
    return stores


def open_intake(environment: Mapping[str, str]) -> Stores:
    """What ``intake`` works with: the same, and the stage that it runs at once.

    Raises:
        SettingsError, WorkflowError, TruthUnavailableError: as ``open_stores``.
    """
    from parjanya.imaging.limits import Limits  # noqa: PLC0415 - the others start without an image library
    from parjanya.profiles.s3_sources import S3Sources  # noqa: PLC0415
    from parjanya.stages.technical import make_handler  # noqa: PLC0415

    stores = open_stores({**environment, "PARJANYA_FLEET": "{}"})
    stores.ledger = None  # it decides nothing
    stores.extra["technical"] = make_handler(Limits(), S3Sources(S3Objects(clients_of(stores))))
    return stores


def clients_of(stores: Stores) -> Clients:
    """The connections of *stores* that were opened here."""
    found = stores.extra[CLIENTS]
    assert isinstance(found, Clients)
    return found


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings of a system on AWS: what the environment says, else those of an instance on an account.

    Raises:
        SettingsError: as ``from_environment``.
    """
    return from_environment(environment, CLOUD)


def resolve(address: Address) -> bool:
    """Whether *address* is one that an item can have. Nobody asks the store: that the object is there was why the item was added.

    Raises:
        MisroutedIntentError: it is none.
    """
    if address.bucket != BUCKET:
        raise MisroutedIntentError(
            f"there is no bucket {address.bucket!r:.60} of uploads; items have theirs in {BUCKET!r}"
        )
    try:
        upload_of(address.key)
    except NotAnUploadError as error:
        raise MisroutedIntentError(str(error)) from error
    return True


def packed() -> tuple[Workflow, str]:
    """The workflow that came with this program, and what it was made from."""
    if PACKED.exists():
        found: dict[str, Any] = json.loads(PACKED.read_text())
        return from_json(found["workflow"]), str(found["of"])
    from parjanya.workflow import image_workflow  # noqa: PLC0415 - an image library, where no build packed the workflow

    return image_workflow(), "checkout"


def _open_truth(clients: Clients, clock: Clock) -> tuple[Workflow, int | None, TruthStore]:
    workflow, _ = packed()
    truth: TruthStore = DynamoTruth(clients, workflow, clock, RandomIds(), check=False)
    found = published(truth, NAME)
    if found is None:
        return workflow, None, truth
    if found.workflow.stages != workflow.stages:
        workflow = found.workflow
        truth = DynamoTruth(clients, workflow, clock, RandomIds(), check=False)
    return workflow, found.revision, truth  # one and the same: what is declared for tenants is declared in it


def _revision(truth: TruthStore) -> int | None:
    found = published(truth, NAME)
    return found.revision if found is not None else None


def _sizes(said: Environment, workflow: Workflow) -> dict[str, PoolLimits]:
    if said.fleet is None:
        return dict.fromkeys(workflow.pools, FLEET)
    unknown = sorted(said.fleet.keys() - set(workflow.pools))
    if unknown:
        raise SettingsError(f"PARJANYA_FLEET: there is no pool {unknown[0]!r:.60}; pools: {', '.join(workflow.pools)}")
    return {pool: PoolLimits(*size) for pool, size in said.fleet.items()}


class Policies:
    """Declares which policy decides for whom, now and then. The rule language is loaded only where somebody has activated one."""

    def __init__(self, truth: TruthStore, workflow: Workflow, clock: Clock) -> None:
        self._truth, self._workflow, self._clock = truth, workflow, clock
        self._again_s = clock.monotonic_s()
        self._refresh: Callable[[TruthStore, Workflow], None] | None = None

    def __call__(self) -> None:
        """Look, if the last look is a while ago."""
        if self._clock.monotonic_s() >= self._again_s:
            self.now()

    def now(self) -> None:
        """Look in any case.

        Raises:
            TruthUnavailableError: what was declared before still holds.
        """
        if self._refresh is None and self._truth.documents("activation"):
            from parjanya.profiles.policies import Policies as Declaring  # noqa: PLC0415 - as said above

            self._refresh = Declaring().refresh
        if self._refresh is not None:
            self._refresh(self._truth, self._workflow)
        self._again_s = self._clock.monotonic_s() + POLICIES_S
