"""Small workflows, items and workers over any backend, on a clock that the test owns.

Callers: the conformance suite and the kernel's own tests. Nothing here knows a concrete backend: stores are handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tbie.core.cause import Cause
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed, Facts, Outcome
from tbie.core.reading import FleetView, Known, Reading
from tbie.core.settings import Settings
from tbie.execution import Drift, Handler, Handlers, OneByOne, Work
from tbie.intent import Envelope, IntentQueue
from tbie.reconciler.desk import Resolve
from tbie.reconciler.loop import Reconciler
from tbie.truth import Item, NewItem, OpenStage, Result, Settle, StageRecord, Step, TruthStore
from tbie.worker import Worker
from tbie.workflow import RetryPolicy, Stage, Workflow

BUCKET = "source"
"""The bucket of every item built here."""

WHO = Cause("operator:test", "because")

RETENTION_S = 14 * 86_400.0


def stage(
    name: str,
    *needs: str,
    version: str = "v1",
    pool: str = "default",
    eligible: Callable[[Mapping[str, Facts]], str | None] | None = None,
    max_receives: int = 3,
    claim_batch: int = 1,
    barrier: bool = False,
) -> Stage:
    """A stage that owns one fact, named after itself."""
    retry = RetryPolicy(max_receives=max_receives)
    return Stage(name, version, pool, needs, (name,), eligible, retry, 30.0, claim_batch, barrier)


def chain(*names: str, version: str = "v1", claim_batch: int = 1, max_receives: int = 3) -> Workflow:
    """Stages in a row, each of which needs the one before it."""
    before: tuple[tuple[str, ...], ...] = ((), *((name,) for name in names))
    stages = tuple(
        stage(name, *needs, version=version, claim_batch=claim_batch, max_receives=max_receives)
        for name, needs in zip(names, before, strict=False)
    )
    return Workflow("chain", stages)


def gallery(version: str = "v1", claim_batch: int = 1) -> Workflow:
    """read → (look, measure) → judge, and group, a barrier, after measure.

    ``look`` skips items whose ``read`` facts say ``{"kind": "text"}``, with the reason ``not_an_image``.
    """

    def pictures_only(facts: Mapping[str, Facts]) -> str | None:
        return "not_an_image" if facts["read"].get("kind") == "text" else None

    return Workflow(
        "gallery",
        (
            stage("read", version=version, claim_batch=claim_batch),
            stage("look", "read", version=version, eligible=pictures_only, claim_batch=claim_batch),
            stage("measure", "read", version=version, claim_batch=claim_batch),
            stage("group", "measure", version=version, barrier=True, claim_batch=claim_batch),
            stage("judge", "look", "measure", version=version, claim_batch=claim_batch),
        ),
    )


def key(name: str = "i1", tenant: str = "t1") -> ItemKey:
    """A key in the usual tenant."""
    return ItemKey(tenant, name)


def new_item(name: str = "i1", tenant: str = "t1", bucket: str = BUCKET, **attributes: object) -> NewItem:
    """An item to add, addressed by its name."""
    return NewItem(ItemKey(tenant, name), Address(bucket, name), attributes)


def new_items(count: int, tenant: str = "t1") -> list[NewItem]:
    """Items ``i0001``, ``i0002``, … of one tenant."""
    return [new_item(f"i{number:04}", tenant) for number in range(1, count + 1)]


def envelope(
    name: str = "i1", tenant: str = "t1", stage: str = "a", token: str = "", not_before_ms: int = 0
) -> Envelope:
    """An intent for an item; the token defaults to one that names it."""
    token = token or f"{stage}/{tenant}/{name}"
    return Envelope(ItemKey(tenant, name), stage, 1, token, "v1", Address(BUCKET, name), stage, not_before_ms)


def item_of(truth: TruthStore, item: ItemKey) -> Item:
    """The item, which must exist."""
    (found,) = truth.get([item])
    assert found is not None, f"there is no item {item}"
    return found


def record_of(truth: TruthStore, item: ItemKey, stage: str) -> StageRecord:
    """The record of one stage, which must exist."""
    return item_of(truth, item).stages[stage]


def settlement(
    truth: TruthStore,
    item: ItemKey,
    stage: str,
    outcome: Outcome | None = None,
    then: tuple[Step, ...] = (),
    last_receive: bool = False,
) -> Settle:
    """A worker's result with the token and the generation that are the live ones now."""
    record = record_of(truth, item, stage)
    outcome = outcome if outcome is not None else Completed({stage: record.generation})
    cause = Cause("worker:test", "result")
    return Settle(
        item, stage, record.generation, record.token, record.version, outcome, cause, then, last_receive=last_receive
    )


def settle(
    truth: TruthStore,
    item: ItemKey,
    stage: str,
    outcome: Outcome | None = None,
    then: tuple[Step, ...] = (),
    last_receive: bool = False,
) -> Result:
    """Commit a result for the live token; without an *outcome*, a completion."""
    (result,) = truth.commit([settlement(truth, item, stage, outcome, then, last_receive)])
    return result


def all_open(truth: TruthStore, workflow: Workflow, page: int = 100) -> list[OpenStage]:
    """Everything that is pending, read page by page."""
    found: list[OpenStage] = []
    for declared in workflow.stages:
        after = None
        while rows := truth.open_stages(declared.name, after, page):
            found += rows
            after = rows[-1]
    return found


def echo(work: Work) -> Outcome:
    """A handler whose facts say from what they were made: item, generation, version, and the facts it was given."""
    given = {name: facts.get(name) for name, facts in sorted(work.facts.items())}
    return Completed({work.stage: f"{work.key.item}/{work.generation}/{work.version}", "given": given})


def handled_by(workflow: Workflow, run: Handler = echo) -> Handlers:
    """The same handler for every stage, one item at a time."""
    return {declared.name: OneByOne(run) for declared in workflow.stages}


def everywhere(address: Address) -> bool:
    """A resolver to which every address is good."""
    del address
    return True


@dataclass(slots=True)
class World:
    """Two stores and a clock; reconcilers and workers come and go over them, as processes do."""

    workflow: Workflow
    truth: TruthStore
    intent: IntentQueue
    clock: ManualClock
    ids: SequentialIds = field(default_factory=SequentialIds)
    settings: Settings = field(default_factory=Settings)
    resolve: Resolve = everywhere

    def reconciler(self) -> Reconciler:
        """A control plane that has just started."""
        return Reconciler(self.workflow, self.truth, self.intent, self.resolve, self.clock, self.settings)

    def worker(
        self,
        name: str = "w1",
        run: Handler = echo,
        pool: str = "default",
        attest: Callable[[], Drift | None] = lambda: None,
        workflow: Workflow | None = None,
    ) -> Worker:
        """A worker that has just started; *workflow* if it was deployed with another one."""
        own = workflow or self.workflow
        return Worker(
            name, pool, own, handled_by(own, run), self.truth, self.intent, self.clock, self.settings, attest=attest
        )

    def add(self, items: Sequence[NewItem]) -> None:
        """Add items as an operator does."""
        self.truth.add(items, WHO)

    def heal(self, run: Handler = echo, rounds: int = 60, step_ms: int = 61_000) -> int:
        """Fresh reconciler, fresh worker, and time passes; returns the rounds until nothing was open any more.

        One round moves the clock past every lease, wait and sweep. Raises ``AssertionError`` if *rounds* do not suffice.
        """
        reconciler, worker = self.reconciler(), self.worker("healer", run)
        for done in range(rounds):
            reconciler.step()
            while worker.step().claimed:
                reconciler.step()
            worker.flush()
            if not all_open(self.truth, self.workflow) and all(item.settled for item in self.truth.items(limit=10_000)):
                return done
            self.clock.advance_ms(step_ms)
        left = all_open(self.truth, self.workflow)
        raise AssertionError(f"after {rounds} rounds still open: {left}")


class Asked:
    """A fleet that starts nobody and remembers what was asked of it."""

    def __init__(self, clock: ManualClock) -> None:
        self.asked: dict[str, int] = {}
        self._clock = clock

    def set_desired(self, pool: str, workers: int) -> None:
        """Remember it."""
        self.asked[pool] = workers

    def view(self, pool: str) -> Reading[FleetView]:
        """What was asked for, and nobody there."""
        return Known(FleetView(self.asked.get(pool, 0), 0, 0), "fleet", self._clock.now_ms())
