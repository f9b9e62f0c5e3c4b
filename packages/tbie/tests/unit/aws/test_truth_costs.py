"""What Truth in DynamoDB costs: calls for each item of a life cycle, and reads of a sweep by what is open."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tbie.backends.aws import entries, rows
from tbie.backends.aws.client import Clients
from tbie.backends.aws.plan import Adding, Plan
from tbie.backends.aws.truth import DynamoTruth
from tbie.backends.memory.intent import MemoryIntent
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.keys import ItemKey
from tbie.lifecycle import Change
from tbie.testing.aws.faults import Faults
from tbie.testing.builders import RETENTION_S, WHO, World, chain, new_item, new_items
from tbie.truth import OpenStage, StageState

NOW = ManualClock().now_ms()
FLOW = chain("a", "b", claim_batch=20)


def world_of(aws: Clients) -> World:
    clock, ids = ManualClock(), SequentialIds()
    truth = DynamoTruth(aws, FLOW, clock, ids, check=False)
    return World(FLOW, truth, MemoryIntent(clock, RETENTION_S), clock, ids)


class TestCallsOfALifeCycle:
    """Forty items through two stages that one worker runs one after the other, twenty at a time."""

    ITEMS = 40

    def test_a_batch_shares_its_calls(self, aws: Clients) -> None:
        world = world_of(aws)
        reconciler, worker = world.reconciler(), world.worker()
        reconciler.step()
        phases: dict[str, Counter[str]] = {}
        with Faults(aws.dynamodb) as faults:

            def phase(name: str) -> None:
                phases[name] = Counter(faults.calls)
                faults.calls.clear()

            world.add(new_items(self.ITEMS))
            phase("add")
            reconciler.step()
            phase("emit")
            while worker.step().claimed:
                pass
            worker.flush()
            phase("work")
        done = world.truth.tally()
        assert {(stage, state): n for (_, stage, state), n in done.items()} == {
            ("a", StageState.COMPLETED): self.ITEMS,
            ("b", StageState.COMPLETED): self.ITEMS,
        }
        assert phases["add"] == {"BatchGetItem": 1, "PutItem": 1, "TransactWriteItems": 2}
        assert phases["emit"] == {"BatchGetItem": 1}, "what the stream names is read again together"
        # for each batch of twenty: read what to work on; read again what to decide on; write
        assert phases["work"] == {"BatchGetItem": 4, "TransactWriteItems": 2}
        calls = sum(sum(phase.values()) for phase in phases.values())
        assert calls / self.ITEMS == 0.275


class TestReadsOfASweep:
    """Rows of finished items are put there directly: a sweep does not know who wrote them."""

    OPEN = 60

    @pytest.fixture
    def truth(self, aws: Clients) -> DynamoTruth:
        store = DynamoTruth(aws, FLOW, ManualClock(), SequentialIds(), check=False)
        store.add([new_item(f"open{n:04}") for n in range(self.OPEN)], WHO)
        return store

    def test_do_not_depend_on_how_much_is_finished(self, truth: DynamoTruth) -> None:
        few = swept(truth)
        finish(truth, 1_500)
        many = swept(truth)
        assert few == many
        assert few["open rows"] == self.OPEN
        assert few["rows read"] <= self.OPEN * 2, "of each shard a little more than its share"
        assert len(truth.items("t1", None, 10)) == 10, "the finished ones are there"

    def test_a_page_reads_about_as_many_rows_as_it_gives(self, truth: DynamoTruth) -> None:
        with Faults(truth._dynamo.clients.dynamodb) as faults:
            read = counting(faults)
            page = truth.open_stages("a", None, 20)
            assert len(page) == 20
            assert read["rows read"] <= 40
            assert faults.calls["Query"] <= 12


def swept(truth: DynamoTruth) -> Counter[str]:
    """What a sweep asks of Truth, and what that read."""
    with Faults(truth._dynamo.clients.dynamodb) as faults:
        read = counting(faults)
        for stage in ("a", "b"):
            after: OpenStage | None = None
            while page := truth.open_stages(stage, after, 25):
                read["open rows"] += len(page)
                after = page[-1]
            truth.oldest_open_ms(stage)
            truth.at_barrier(stage, 25)
            truth.failed_stages(stage, 3, NOW, 25)
        read["calls"] = sum(faults.calls.values())
        return read


def counting(faults: Faults) -> Counter[str]:
    """Counts rows that were read, whether they were given back or not."""
    read: Counter[str] = Counter()

    def count(answer: dict[str, Any]) -> None:
        read["rows read"] += answer["ScannedCount"]

    faults.answer("Query", count)
    return read


def finish(truth: DynamoTruth, count: int) -> None:
    """Rows of items whose stages are all done, as commits would have left them; without history and counts."""
    dynamo, names = truth._dynamo, [ItemKey("t1", f"done{n:06}") for n in range(count)]
    plan = Plan(FLOW, NOW, SequentialIds("x"), {})
    plan.apply([Adding(new_item(name.item), WHO) for name in names])
    batch = []
    for pack in plan.packs:
        for touched in pack.items.values():
            records = [
                touched.now.records["a"]._replace(stage=name, state=StageState.COMPLETED, facts={name: 1})
                for name in ("a", "b")
            ]
            written = rows.changed(touched.now, Change(tuple(records), WHO), NOW, touched.now.seq + 1)
            assert entries.entries(written.stored) == {}
            row = rows.item_row(written.stored)
            batch.append((row, rows.size_of(row)))
    dynamo.put_many("items", batch)
