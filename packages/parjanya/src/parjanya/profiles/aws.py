"""The aws profile: DynamoDB for Truth, SQS for Intent, S3 for uploads and previews; workers on instances, or of this machine.

Caller: ``system``, for a home whose ``profile.json`` says so. Only this module and what it imports need the extra
``parjanya[aws]``. Nothing is made by opening: tables, queues and the bucket are deployed (``deploying``, or the templates).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from parjanya.catalog.items import Found, Ingested, take_in
from parjanya.catalog.sources import Sources
from parjanya.home import Home
from parjanya.profiles import local
from parjanya.profiles.declared_profile import AwsPlace, credentials
from parjanya.profiles.examine_aws import OF_FUNCTIONS, ON_AN_ACCOUNT, look_at_deployment
from parjanya.profiles.group_fleet import GroupFleet
from parjanya.profiles.profile import ABOUT_FILES, OwnFleet
from parjanya.profiles.s3_sources import S3Sources
from parjanya.profiles.uploading import NotSent, Sent, Uploader
from tbie.backends.aws.belief import belief
from tbie.backends.aws.client import Clients
from tbie.backends.aws.intent import COUNT_SETTLE_S, SqsIntent
from tbie.backends.aws.ledger import DynamoLedger
from tbie.backends.aws.objects import S3Objects
from tbie.backends.aws.place import Place
from tbie.backends.aws.truth import DynamoTruth
from tbie.belief import BeliefSource
from tbie.core.clock import Clock
from tbie.core.ids import Ids
from tbie.core.reading import Reading
from tbie.core.refusal import Refusing
from tbie.core.settings import Settings
from tbie.execution import Fleet
from tbie.intent import IntentQueue
from tbie.objects import ObjectStore
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.ledger import Ledger
from tbie.truth import TruthStore
from tbie.workflow import Workflow

if TYPE_CHECKING:
    from parjanya.profiles.system import System

NAME = "aws"
LOCAL_COUNT_SETTLE_S = 3.0
"""The counts of a local server are exact at once; this is for messages that are on their way between two processes."""
AS_MANY_AS_THE_GROUP_ALLOWS = PoolLimits(1_000, per_worker=50)
"""One instance for each 50 open stages, which it works off while another one would still be starting."""
LOCAL_REST_S, REST_S = 0.2, 1.0
"""How long an empty queue is not asked again: on AWS each question is paid for."""
WAIT_S = 1
"""How long a worker that has nothing waits at its last queue: a question that does not wait asks only some of SQS's servers."""


class Aws:
    """The ``Profile`` whose stores are AWS's."""

    name = NAME
    led_by_lock = False
    """Another machine, or a function, may lead what this home only points to."""
    files_are_local = False
    spare_queue = False
    """Each queue is paid for, watched and deployed; a message of nobody's in one of a stage would go to its dead letters."""
    absent = ABOUT_FILES

    def __init__(self, home: Home, place: AwsPlace, settings: Settings, clock: Clock, ids: Ids) -> None:
        self._home, self._settings, self._clock, self._ids = home, settings, clock, ids
        self.place = place
        self.clients = connect(home, place)

    @property
    def owns_workers(self) -> bool:
        """Beside a local server workers are processes of this machine; on an account they are instances."""
        return self.place.endpoint is not None

    def limits(self, workflow: Workflow, workers: int) -> Mapping[str, PoolLimits]:
        if self.owns_workers:
            return local.limits(workflow, workers)
        return dict.fromkeys(workflow.pools, AS_MANY_AS_THE_GROUP_ALLOWS)

    def open_truth(self, workflow: Workflow, *, create: bool) -> TruthStore:  # noqa: ARG002 - deployed, never begun
        return DynamoTruth(self.clients, workflow, self._clock, self._ids)

    def open_intent(self, workflow: Workflow, refusing: Refusing) -> IntentQueue:
        return SqsIntent(
            self.clients,
            self._clock,
            self._settings.retention_s,
            [stage.name for stage in workflow.stages],
            count_settle_s=LOCAL_COUNT_SETTLE_S if self.owns_workers else COUNT_SETTLE_S,
            rest_s=LOCAL_REST_S if self.owns_workers else REST_S,
            wait_s=0 if self.owns_workers else WAIT_S,
            refusing=refusing,
        )

    def open_objects(self) -> S3Objects:
        return S3Objects(self.clients)

    def open_ledger(self) -> Ledger:
        return DynamoLedger(self.clients, self._clock, self._settings.ledger_rows)

    def workers(self, truth: TruthStore) -> dict[str, str]:
        """Those of this machine by their slots, those of others by their heartbeats."""
        found = local.workers(self._home)
        oldest_ms = self._clock.now_ms() - int(self._settings.silence_s * 1000)
        for beat in truth.heartbeats():
            elsewhere = beat.component == "worker" and not (self.owns_workers or beat.instance in found)
            if elsewhere and beat.at_ms >= oldest_ms:
                found[beat.instance] = str(beat.body.get("state", "idle"))
        return found

    def belief(self, workflow: Workflow, intent: IntentQueue, fleet: Fleet | None) -> BeliefSource:
        return belief(workflow, intent, fleet)

    def open_fleet(self, system: System) -> OwnFleet:
        if self.owns_workers:
            return local.process_fleet(system)
        return GroupFleet(self.clients, self._clock, sorted(system.workflow.pools))

    def sources(self, objects: ObjectStore) -> Sources:
        return S3Sources(objects if isinstance(objects, S3Objects) else self.open_objects())

    def take_in(
        self, system: System, tenant: str, files: Iterable[Found], who: str, between: Callable[[Ingested], object]
    ) -> Ingested:
        """Upload *files* and add their items: what an event of the bucket does too, and doing it twice changes nothing."""
        done = Ingested()
        for sent in self.upload(tenant, files, done):
            take_in(system.truth, system.workflow, [each.item for each in sent], who, done)
            between(done)
        return done

    def upload(self, tenant: str, files: Iterable[Found], done: Ingested) -> Iterator[list[Sent]]:
        """Upload *files*, a group at a time, and note in *done* what could not be. Nothing is added to Truth."""
        for group in Uploader(self.open_objects(), self._clock, tenant).send_all(files):
            done.problems += [(told.path, told.problem) for told in group if isinstance(told, NotSent)]
            yield [told for told in group if isinstance(told, Sent)]

    def deployment(self, workflow: Workflow, *, thorough: bool) -> Mapping[str, Reading[object]]:
        found = look_at_deployment(self.clients, workflow, self._settings, self._clock, thorough=thorough)
        absent = ON_AN_ACCOUNT if self.owns_workers else frozenset()
        if self.place.functions:
            absent -= OF_FUNCTIONS
        return {name: reading for name, reading in found.items() if name not in absent}

    def close(self) -> None:
        self.clients.close()


def connect(home: Home, place: AwsPlace) -> Clients:
    """Connections to *place*, as whoever the environment, the role of this machine or, for a local server, the home says.

    Raises:
        ProfileError: the credentials in the home cannot be used.
    """
    where = Place(place.region, place.prefix, place.bucket, place.endpoint)
    return Clients(where, credentials=credentials(home, place))
