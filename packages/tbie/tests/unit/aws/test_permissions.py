"""Each component does its work with its own permissions and no others: the server refuses what a policy does not allow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tbie.backends.aws.belief import belief
from tbie.backends.aws.client import PATIENT, Clients
from tbie.backends.aws.deployed import look_at_queues, look_at_tables
from tbie.backends.aws.intent import SqsIntent
from tbie.backends.aws.ledger import DynamoLedger
from tbie.backends.aws.permissions import Scope
from tbie.backends.aws.queues import create_queues
from tbie.backends.aws.truth import DynamoTruth
from tbie.core.clock import SystemClock
from tbie.core.errors import IntentUnavailableError
from tbie.core.ids import RandomIds
from tbie.core.outcome import Completed, Outcome, Retry
from tbie.core.reading import Known, Unknown
from tbie.core.settings import Settings
from tbie.execution import Work
from tbie.intent import Claim
from tbie.reconciler.ledger import Ledger
from tbie.reconciler.loop import Reconciler
from tbie.reconciler.pushed import Row
from tbie.testing.aws.faults import Faults
from tbie.testing.aws.policies import ACCOUNT, document, statements
from tbie.testing.aws.server import ROOT_KEY, LocalServer, SharedClock
from tbie.testing.builders import WHO, World, all_open, everywhere, new_item
from tbie.truth import Reset
from tbie.workflow import RetryPolicy, Stage, Workflow

pytestmark = pytest.mark.timeout(300)  # many calls over HTTP, and a server that checks each
SETTINGS = Settings(retention_s=10 * 86_400.0)
WORKFLOW = Workflow(
    "w",
    (
        Stage("first", "v1", retry=RetryPolicy(max_receives=2), max_run_s=20.0),
        Stage("second", "v1", needs=("first",), max_run_s=20.0),
    ),
)


@dataclass
class Principals:
    """Users of the local server, each with the policy of one component."""

    server: LocalServer
    root: Clients

    def scope(self) -> Scope:
        return Scope(self.root.place, [stage.name for stage in WORKFLOW.stages], WORKFLOW.pools, ACCOUNT)

    def allow(self, component: str, without: str | None = None) -> None:
        """Give the user of *component* its policy, word for word; *without* leaves an action out."""
        policy = document(statements([component], self.scope(), without=() if without is None else (without,)))
        self.root.of("iam").put_user_policy(
            UserName=self.name(component), PolicyName="own", PolicyDocument=json.dumps(policy)
        )

    def name(self, component: str) -> str:
        return f"{self.root.place.prefix}-{component}"

    def clients(self, component: str) -> Clients:
        """Connections that may do what *component* may."""
        iam = self.root.of("iam")
        iam.create_user(UserName=self.name(component))
        self.allow(component)
        key = iam.create_access_key(UserName=self.name(component))["AccessKey"]
        credentials = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        return Clients(self.root.place, credentials=credentials)


Opened = tuple[Principals, Callable[[str], World]]


@pytest.fixture
def clock(aws_server: LocalServer) -> Iterator[SharedClock]:
    """The test's and the server's: begins now, because signatures are refused a quarter of an hour from the server's time."""
    shared = SharedClock(aws_server.stand_still_at)
    shared.advance_ms(SystemClock().now_ms() - shared.now_ms())
    yield shared
    aws_server.stand_still_at(None)


@pytest.fixture
def opened(aws_server: LocalServer, aws: Clients, clock: SharedClock) -> Iterator[Opened]:
    """A place, and its stores as each component opens them."""
    root = Clients(aws.place, credentials=ROOT_KEY)
    create_queues(root, WORKFLOW, SETTINGS)
    principals, made = Principals(aws_server, root), list[Clients]()

    def world(component: str) -> World:
        clients = principals.clients(component)
        made.append(clients)
        truth = DynamoTruth(clients, WORKFLOW, clock, RandomIds(), check=component in {"worker", "engine"})
        intent = SqsIntent(clients, clock, SETTINGS.retention_s, [stage.name for stage in WORKFLOW.stages])
        return World(WORKFLOW, truth, intent, clock, settings=SETTINGS)

    yield principals, world
    for clients in (*made, root):
        clients.close()


def once(fails: set[str]) -> Callable[[Work], Outcome]:
    """A handler that completes, but for the items in *fails*."""

    def run(work: Work) -> Outcome:
        return Retry("not_now") if work.key.item in fails else Completed({work.stage: 1})

    return run


def clients_of(world: World) -> Clients:
    assert isinstance(world.truth, DynamoTruth)
    return world.truth._dynamo.clients


def pushed(world: World, ledger: Ledger | None = None) -> Reconciler:
    """A control plane as a function has it: it reads no stream."""
    stores = world.workflow, world.truth, world.intent, everywhere, world.clock, world.settings
    return Reconciler(*stores, pushed=True, ledger=ledger)


def turn(sweeping: World, working: World, rounds: int, fails: set[str], ledger: Ledger | None = None) -> None:
    """Some passes of a sweep, and some of a worker, as time goes by."""
    control = pushed(sweeping, ledger)
    worker = working.worker(run=once(fails))
    for _ in range(rounds):
        control.step(force_sweep=True)
        while worker.step().claimed:
            pass
        worker.flush()
        sweeping.clock.advance_ms(61_000)
    control.step(force_sweep=True)


def test_items_live_their_whole_life_by_the_permissions_of_each_component(opened: Opened) -> None:
    _, world = opened
    uploading, sweeping, working = world("intake"), world("sweep"), world("worker")
    uploading.truth.add([new_item(f"i{n}") for n in range(5)], WHO)

    ledger = DynamoLedger(clients_of(sweeping), sweeping.clock, 1)
    turn(sweeping, working, 4, fails={"i3"}, ledger=ledger)
    ledger._begin_anew()

    states = {
        item.key.item: {name: str(record.state) for name, record in item.stages.items()}
        for item in sweeping.truth.items(limit=100)
    }
    assert states.pop("i3")["first"] == "failed"
    assert len(states) == 4
    assert {state for stages in states.values() for state in stages.values()} == {"completed"}
    depth = sweeping.intent.depth("first")
    assert isinstance(depth, Known)
    assert depth.value.dead == 1


def test_changes_that_are_pushed_become_intents_by_the_permissions_of_the_reconciler(opened: Opened) -> None:
    _, world = opened
    uploading, reconciling, working = world("intake"), world("reconcile"), world("worker")
    uploading.truth.add([new_item(f"i{n}") for n in range(3)], WHO)

    ledger = DynamoLedger(clients_of(reconciling), reconciling.clock, 1_000, shortens=False)
    done = pushed(reconciling, ledger).absorb(everything_open(reconciling))

    assert (done.emitted.sent, done.blind, done.unnoted) == (3, [], None)
    assert ledger.counts() == {("emit", "opened"): 3}
    assert working.worker(run=once(set())).step().claimed == 1


def everything_open(world: World) -> list[Row]:
    """What a stream would tell of."""
    return [Row(row.key, row.stage) for row in all_open(world.truth, WORKFLOW)]


def test_the_account_of_fifty_changes_is_one_call_and_one_that_cannot_be_given_stops_nothing(opened: Opened) -> None:
    _, world = opened
    reconciling = world("reconcile")
    clients = clients_of(reconciling)
    own = clients.asking(PATIENT)
    ledger = DynamoLedger(own, reconciling.clock, 1_000, shortens=False)
    control, silent = pushed(reconciling, ledger), pushed(reconciling)
    counted = []
    for number, each in enumerate((control, silent, control, silent)):
        reconciling.truth.add([new_item(f"{number}-{n}") for n in range(50)], WHO)
        rows = [row for row in everything_open(reconciling) if row.key.item.startswith(f"{number}-")]
        with Faults(clients.dynamodb) as tables, Faults(clients.sqs) as queues, Faults(own.dynamodb) as noting:
            assert each.absorb(rows).emitted.sent == 50
        counted.append(tables.calls + queues.calls + noting.calls)
    noted, unnoted = counted[2:]  # the first ones ask for addresses and the like
    assert (noted - unnoted, noted.total()) == ({"PutItem": 1}, unnoted.total() + 1)
    assert unnoted.total() < 15
    reconciling.truth.commit([Reset(new_item("0-1").key, "first", WHO)])
    with Faults(own.dynamodb) as noting:
        noting.deny("PutItem")
        done = control.absorb([Row(new_item("0-1").key, "first")])
    own.close()
    assert (done.emitted.sent, done.blind) == (1, [])
    assert "AccessDenied" in str(done.unnoted)


def test_a_control_plane_on_a_machine_sees_and_notes_everything_by_the_permissions_of_an_engine(opened: Opened) -> None:
    _, world = opened
    uploading, leading, working = world("intake"), world("engine"), world("worker")
    clients = clients_of(leading)
    ledger = DynamoLedger(clients, leading.clock, 1_000)
    uploading.truth.add([new_item(f"i{n}") for n in range(3)], WHO)
    control = Reconciler(
        WORKFLOW,
        leading.truth,
        leading.intent,
        everywhere,
        leading.clock,
        SETTINGS,
        belief=belief(WORKFLOW, leading.intent, None),
        ledger=ledger,
    )

    done = control.step(force_sweep=True)

    assert (done.emitted.sent, done.blind, done.unnoted) == (3, [], None)
    assert ledger.counts()
    assert working.worker(run=once(set())).step().claimed == 1
    assert look_at_tables(clients).problems == ()
    assert look_at_queues(clients, WORKFLOW, SETTINGS).problems == ()


def test_a_control_plane_without_the_depth_of_queues_says_so_and_what_opens_goes_on(opened: Opened) -> None:
    principals, world = opened
    uploading, sweeping, reconciling, working = world("intake"), world("sweep"), world("reconcile"), world("worker")
    for component in ("sweep", "reconcile"):
        principals.allow(component, without="sqs:GetQueueAttributes")
    uploading.truth.add([new_item("i1")], WHO)

    passed = pushed(sweeping).step(force_sweep=True)

    assert len(passed.blind) == 1
    assert "AccessDenied" in passed.blind[0]
    assert "sqs:GetQueueAttributes" in passed.blind[0]
    control, worker = pushed(reconciling), working.worker(run=once(set()))
    assert control.absorb(everything_open(reconciling)).emitted.sent == 1
    assert worker.step().claimed == 1  # and the stage after it at once
    worker.flush()
    (item,) = working.truth.items(limit=10)
    assert {str(record.state) for record in item.stages.values()} == {"completed"}


def test_a_component_cannot_do_what_is_not_its_work(opened: Opened) -> None:
    _, world = opened
    uploading, sweeping = world("intake"), world("sweep")
    uploading.truth.add([new_item("i1")], WHO)
    pushed(sweeping).step(force_sweep=True)

    with pytest.raises(IntentUnavailableError, match=r"AccessDenied.*sqs:ReceiveMessage"):
        sweeping.intent.exchange([], [Claim("first", "thief", 1, 60.0, 2)])
    assert isinstance(uploading.intent.depth("first"), Unknown)
