"""What the plan takes an image to cost is what it does cost: real stages over the real store in DynamoDB, counted step by step.

The queue is in memory here: what the plan says of SQS and of the register beside it is compared where those are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from parjanya.catalog.discover import Walk, discover
from parjanya.catalog.paths import key_to_path
from parjanya.imaging.limits import Limits
from parjanya.planning import calls
from parjanya.profiles.environment import PROFILE, from_environment
from parjanya.profiles.policies import Policies
from parjanya.stages import curate, group, observe, preview, quality, technical
from parjanya.views.candidates import load_candidates
from parjanya.workflow import POOL, image_workflow
from tbie.backends.aws.client import Clients
from tbie.backends.aws.counts import SHARDS_OF_COUNTS
from tbie.backends.aws.keys import SHARDS
from tbie.backends.aws.tables import create_tables
from tbie.backends.aws.truth import DynamoTruth
from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.sqlite.objects import LocalObjects
from tbie.core.cause import Cause
from tbie.core.clock import SystemClock
from tbie.core.ids import RandomIds
from tbie.execution import Handlers, OneByOne, Together, Work
from tbie.reconciler.loop import Reconciler
from tbie.testing.aws.meter import Meter, size_of
from tbie.testing.aws.server import LocalServer
from tbie.testing.aws.session import IMPATIENT, fresh_place, running
from tbie.testing.builders import settlement
from tbie.truth import NewItem
from tbie.worker import Worker

IMAGES = 4
OTHER_SMALL_ROWS = 10
CAUSE = Cause("intake", "uploaded")
STEPS = {step.name: step for step in calls.STEPS}


def photograph(path: Path, seed: int) -> None:
    """A soft picture, large enough to be judged."""
    cells = np.random.default_rng(seed).integers(0, 255, (12, 18, 3), dtype=np.uint8)
    Image.fromarray(cells).resize((900, 600), Image.Resampling.BICUBIC).save(path, "JPEG")


class Life:
    """Images on their way through the stores, with a meter beside them."""

    def __init__(self, clients: Clients, folder: Path) -> None:
        self.clock, self.workflow, self.clients = SystemClock(), image_workflow(), clients
        self.truth = DynamoTruth(clients, self.workflow, self.clock, RandomIds())
        self.intent = MemoryIntent(self.clock, 86_400.0)
        objects = LocalObjects(folder / "objects", {"file": key_to_path})
        settings = from_environment()
        policies = Policies()
        policies.refresh(self.truth, self.workflow)
        self.technical = technical.make_handler(Limits())
        handlers: Handlers = {
            preview.NAME: OneByOne(preview.make_handler(objects, Limits())),
            quality.NAME: OneByOne(quality.make_handler(objects)),
            observe.NAME: OneByOne(observe.make_handler(objects)),
            group.NAME: Together(group.make_batch_handler(partial(load_candidates, self.truth))),
            curate.NAME: Together(curate.make_batch_handler(lambda version: policies.of(self.truth, version))),
        }
        stores = (self.truth, self.intent, self.clock, settings)
        self.reconciler = Reconciler(
            self.workflow, self.truth, self.intent, objects.has, self.clock, settings, instance="r"
        )
        self.worker = Worker("w", POOL, self.workflow, handlers, *stores)
        self.meter = Meter(clients)

    def counted(self, do: Callable[[], object]) -> dict[str, float]:
        """Write units by table, and transactions, of *do*."""
        self.meter.reset()
        do()
        return {**self.meter.writes, "transactions": self.meter.calls["dynamodb", "TransactWriteItems"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    yield from running(tmp_path_factory.mktemp("aws"))


@pytest.fixture
def life(server: LocalServer, tmp_path: Path) -> Iterator[Life]:
    aws = fresh_place(server, IMPATIENT)
    create_tables(aws)
    for number in range(IMAGES):
        photograph(tmp_path / f"img{number}.jpg", number)
    found = Life(aws, tmp_path)
    yield found
    found.meter.close()


def _files(folder: Path) -> list[NewItem]:
    walk = discover([folder], [folder / "objects"], Walk())
    items = [file.item("default") for file in walk if file.path.suffix == ".jpg"]
    assert len(items) == IMAGES
    return items


def _arrive(life: Life, items: list[NewItem]) -> None:
    for item in items:
        life.truth.add([item], CAUSE)


def _technical(life: Life, items: list[NewItem]) -> None:
    """As the function does that is told of an upload: one image, one transaction."""
    for item in items:
        work = Work(item.key, technical.NAME, 1, technical.VERSION, item.address, item.attributes, {})
        life.truth.commit([settlement(life.truth, item.key, technical.NAME, life.technical(work))])


def test_an_image_costs_what_the_plan_says(life: Life, tmp_path: Path) -> None:
    items, seen = _files(tmp_path), dict[str, dict[str, float]]()
    seen["added"] = life.counted(lambda: _arrive(life, items))
    seen["technical"] = life.counted(lambda: _technical(life, items))
    life.reconciler.step()
    seen["preview to observe"] = life.counted(life.worker.step)
    seen["barrier lifted"] = life.counted(lambda: _until_open(life, group.NAME))
    before = _rows(life)
    seen["group"] = life.counted(life.worker.step)
    _until_open(life, curate.NAME)
    seen["curate"] = life.counted(life.worker.step)
    for name, found in seen.items():
        _agree(STEPS[name], found)
    assert before < _rows(life) <= calls.ITEM_BYTES * 1.15, "photographs have a little more to tell"
    history = life.clients.dynamodb.scan(TableName=life.clients.place.table("history"))["Items"]
    assert sum(map(size_of, history)) / IMAGES == pytest.approx(calls.HISTORY_BYTES, rel=0.25)
    assert len(history) == len(STEPS) * IMAGES


def _until_open(life: Life, stage: str) -> None:
    """The reconciler's part: until *stage* is open and its messages are sent."""
    for _ in range(20):
        life.reconciler.step()
        if life.truth.oldest_open_ms(stage) is not None:
            break
    life.reconciler.step()


def _rows(life: Life) -> float:
    rows = life.clients.dynamodb.scan(TableName=life.clients.place.table("items"))["Items"]
    return sum(map(size_of, rows)) / len(rows)


def _agree(step: calls.Step, seen: dict[str, float]) -> None:
    assert seen["open"] / IMAGES == step.open, (step.name, seen)
    assert abs(seen["items"] / IMAGES - step.items) <= 2, (step.name, seen)
    assert abs(seen["history"] / IMAGES - step.history) <= 2, (step.name, seen)
    beside = 2 * OTHER_SMALL_ROWS if step.where == "reconciler" else 2  # heartbeat, cursor; a new tenant
    assert step.counts <= seen["control"] <= step.counts * seen["transactions"] + beside, (step.name, seen)


def test_a_sweep_of_nothing_costs_the_queries_that_the_plan_says(life: Life) -> None:
    life.reconciler.step()
    life.meter.reset()
    life.reconciler.step(force_sweep=True)
    assert life.meter.calls["dynamodb", "Query"] == pytest.approx(calls.SWEEP_QUERIES, abs=5)


def test_numbers_that_are_others_are_theirs() -> None:
    workflow = image_workflow()
    assert (calls.ROW_SHARDS, calls.COUNT_SHARDS) == (SHARDS, SHARDS_OF_COUNTS)
    assert len(workflow.stages) == calls.STAGES
    assert workflow["preview"].claim_batch == calls.CLAIM
    assert workflow["group"].claim_batch == calls.GROUP_CLAIM
    assert workflow["group"].max_run_s == calls.GROUP_MAX_S
    assert PROFILE["barrier_patience_s"] == calls.BARRIER_PATIENCE_S
