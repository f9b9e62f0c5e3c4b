"""What a Truth and an Intent must do together, under the real reconciler and the real worker, while things go wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tbie.core.clock import ManualClock
from tbie.core.errors import IntentUnavailableError, MisroutedIntentError, TruthUnavailableError
from tbie.core.ids import SequentialIds
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.core.reading import Known
from tbie.execution import Work
from tbie.intent import IntentQueue
from tbie.lifecycle import fold, plain
from tbie.replay import replay
from tbie.testing.builders import (
    RETENTION_S,
    WHO,
    World,
    all_open,
    chain,
    echo,
    gallery,
    item_of,
    key,
    new_item,
    new_items,
    record_of,
    settlement,
)
from tbie.testing.conformance.fixtures import WithIntent, WithTruth
from tbie.testing.faults import CrashError, Flaky
from tbie.truth import StageState, TruthStore
from tbie.workflow import Workflow


class EndToEndConformance(WithTruth, WithIntent):
    """Subclass it and override ``make_truth`` and ``make_intent``."""

    @pytest.fixture
    def worlds(self, clock: ManualClock, ids: SequentialIds, tmp_path: Path) -> Iterator[_Worlds]:
        """Makes worlds and closes their stores."""
        made = _Worlds(self, clock, ids, tmp_path)
        yield made
        for store in made.opened:
            store.close()

    def check(self, world: World) -> None:
        """Everything is final, history folds to the rows, and each completion is the only one of its generation."""
        for item in world.truth.items(limit=10_000):
            assert item.settled, item
            entries = world.truth.history(item.key)
            rows = fold(entries)
            rows.pop("@item")
            assert rows == {name: plain(record) for name, record in item.stages.items()}
            effects = Counter(
                (stage, row["generation"])
                for entry in entries
                for stage, row in entry.after.items()
                if isinstance(row, dict) and row.get("state") == "completed"
            )
            assert all(n == 1 for n in effects.values()), effects

    def test_an_item_lives_from_added_to_settled(self, worlds: _Worlds) -> None:
        world = worlds.make(gallery())
        world.add(new_items(5))
        assert world.heal() <= 1
        assert set(item_of(world.truth, key("i0001")).stages) == {s.name for s in world.workflow.stages}
        facts = record_of(world.truth, key("i0001"), "judge").facts
        assert facts == {"judge": "i0001/1/v1", "given": dict.fromkeys(("look", "measure", "read"), "i0001/1/v1")}
        assert all(
            isinstance(r := world.intent.depth(s.name), Known) and r.value.live == 0 for s in world.workflow.stages
        )
        self.check(world)

    def test_work_starts_by_the_change_stream_without_any_sweep(self, worlds: _Worlds) -> None:
        world = worlds.make(chain("a", "b"))
        reconciler, worker = world.reconciler(), world.worker()
        reconciler.step()
        world.add(new_items(3))
        emitted = reconciler.step()
        assert (emitted.swept, emitted.emitted.sent) == (None, 3)
        assert sum(worker.step().committed for _ in range(3)) == 3

    @pytest.mark.parametrize("moment", range(8))
    def test_the_queue_may_be_destroyed_at_any_step(self, worlds: _Worlds, moment: int) -> None:
        world = worlds.make(gallery())
        world.add(new_items(2))
        reconciler, worker = world.reconciler(), world.worker()
        for step in range(8):
            if step == moment:
                world.intent.purge()
            reconciler.step()
            worker.step()
        world.heal()
        self.check(world)

    @pytest.mark.parametrize("call", range(1, 5))
    @pytest.mark.parametrize("point", ["before", "after"])
    @pytest.mark.parametrize("store", ["truth.commit", "intent.exchange", "truth.get"])
    def test_a_worker_may_die_at_any_step(self, worlds: _Worlds, store: str, point: str, call: int) -> None:
        world = worlds.make(gallery(claim_batch=2))
        world.add(new_items(3))
        world.reconciler().step()
        fault = Flaky({store: {call: point}})
        doomed = World(world.workflow, fault.truth(world.truth), fault.intent(world.intent), world.clock).worker(
            "doomed"
        )
        with pytest.raises(CrashError):
            for _ in range(20):
                doomed.step()
                world.reconciler().step()
        world.heal()
        self.check(world)
        states = Counter(r.state for i in world.truth.items() for r in i.stages.values())
        assert states == {StageState.COMPLETED: 15}, "one death fails nobody"

    @pytest.mark.parametrize("call", range(1, 4))
    @pytest.mark.parametrize("point", ["before", "after"])
    @pytest.mark.parametrize("store", ["truth.commit", "intent.send"])
    def test_a_reconciler_may_die_at_any_step(self, worlds: _Worlds, store: str, point: str, call: int) -> None:
        world = worlds.make(chain("a", "b"))
        world.add(new_items(4))
        fault = Flaky({store: {call: point}})
        doomed = World(world.workflow, fault.truth(world.truth), fault.intent(world.intent), world.clock).reconciler()
        with pytest.raises(CrashError):
            for _ in range(6):
                doomed.step(force_sweep=True, grace_s=0)
                world.intent.purge()  # so that the next sweep has tokens to rotate
        world.heal()
        self.check(world)

    def test_a_store_that_is_away_is_a_blind_pass_not_a_crash(self, worlds: _Worlds) -> None:
        world = worlds.make(chain("a"))
        world.add(new_items(2))
        for store, error in (("intent.send", IntentUnavailableError), ("truth.opened_since", TruthUnavailableError)):
            fault = Flaky({store: {1: "before"}}, error)
            away = World(world.workflow, fault.truth(world.truth), fault.intent(world.intent), world.clock).reconciler()
            assert away.step().blind
            assert away.step().blind == []
        assert len(all_open(world.truth, world.workflow)) == 2
        world.heal()
        self.check(world)

    def test_messages_delivered_twice_have_one_effect(self, worlds: _Worlds) -> None:
        world = worlds.make(chain("a", "b", claim_batch=10))
        world.add(new_items(5))
        reconciler = world.reconciler()
        reconciler.step()
        quick = world.worker("quick")

        def overtaken(work: Work) -> Outcome:
            world.clock.advance_ms(61_000)  # longer than the lease
            quick.step()
            return echo(work)

        slow = world.worker("slow", overtaken)
        stepped = slow.step()
        assert (stepped.committed, stepped.superseded) == (0, 5)
        world.heal()
        self.check(world)

    def test_a_retry_is_the_same_intent_again_later(self, worlds: _Worlds) -> None:
        world = worlds.make(chain("a"))
        world.add([new_item()])
        token = record_of(world.truth, key(), "a").token
        attempts: list[int] = []

        def moody(work: Work) -> Outcome:
            attempts.append(work.attempt)
            return Retry("busy") if work.attempt < 3 else echo(work)

        world.heal(moody, step_ms=10_000)
        record = record_of(world.truth, key(), "a")
        assert (attempts, record.state, record.attempts) == ([1, 2, 3], StageState.COMPLETED, 3)
        assert (record.token, record.generation) == (token, 1)

    def test_a_handler_that_always_raises_fails_its_item_with_the_reason_and_no_other(self, worlds: _Worlds) -> None:
        world = worlds.make(chain("a", "b", claim_batch=4))
        world.add(new_items(4))

        def poisoned(work: Work) -> Outcome:
            if work.key.item == "i0002":
                raise RuntimeError("cannot \udcff decode")
            return echo(work)

        world.heal(poisoned)
        bad = record_of(world.truth, key("i0002"), "a")
        assert (bad.state, bad.reason, bad.retriable, bad.attempts) == (StageState.FAILED, "handler_error", True, 3)
        assert bad.evidence is not None
        assert bad.evidence["type"] == "RuntimeError"
        assert record_of(world.truth, key("i0003"), "b").state is StageState.COMPLETED
        assert len(world.intent.dead_letters("a")) == 1
        self.check(world)

    def test_an_item_that_kills_its_workers_is_quarantined_by_name(self, worlds: _Worlds) -> None:
        world = worlds.make(chain("a"))
        world.add(new_items(2))

        def deadly(work: Work) -> Outcome:
            if work.key.item == "i0001":
                raise CrashError("segmentation fault")
            return echo(work)

        reconciler = world.reconciler()
        for life in range(12):
            reconciler.step()
            try:
                world.worker(f"w{life}", deadly).step()
            except CrashError:
                world.clock.advance_ms(61_000)
        world.clock.advance_ms(61_000)
        reconciler.step()
        bad = record_of(world.truth, key("i0001"), "a")
        assert (bad.state, bad.reason, bad.retriable) == (StageState.FAILED, "receives_exhausted", True)
        assert record_of(world.truth, key("i0002"), "a").state is StageState.COMPLETED
        self.check(world)

    @pytest.mark.parametrize("value", [float("nan"), object()], ids=["nan", "object"])
    def test_facts_that_cannot_be_stored_fail_their_item_and_no_other(self, worlds: _Worlds, value: object) -> None:
        world = worlds.make(chain("a", claim_batch=4))
        world.add(new_items(4))

        def careless(work: Work) -> Outcome:
            return Completed({"a": value}) if work.key.item == "i0002" else echo(work)

        world.heal(careless)
        states = {i.key.item: i.stages["a"].state for i in world.truth.items()}
        assert states.pop("i0002") is StageState.FAILED
        assert set(states.values()) == {StageState.COMPLETED}
        self.check(world)

    def test_a_terminal_failure_is_final_until_it_is_replayed(self, worlds: _Worlds) -> None:
        world = worlds.make(chain("a", "b"))
        world.add(new_items(3))
        world.heal(lambda work: TerminalFailure("source_missing", True))
        assert replay(world.truth, [i.key for i in world.truth.items()], "a", WHO, (StageState.FAILED,)) == 3
        world.heal()
        assert {r.state for i in world.truth.items() for r in i.stages.values()} == {StageState.COMPLETED}
        assert {r.generation for i in world.truth.items() for r in i.stages.values()} == {2}
        self.check(world)

    def test_a_misrouted_item_is_failed_at_construction_and_burns_no_receive(self, worlds: _Worlds) -> None:
        world = worlds.make(chain("a", "b"))
        world.add([new_item("good"), new_item("wrong", bucket="nowhere"), new_item("gone")])
        world.resolve = _strict
        world.heal()
        reasons = {i.key.item: i.stages["a"].reason for i in world.truth.items()}
        assert reasons == {"good": None, "wrong": "misrouted_intent", "gone": "object_missing"}
        assert record_of(world.truth, key("wrong"), "a").attempts == 0
        assert record_of(world.truth, key("wrong"), "a").retriable
        self.check(world)

    def test_a_barrier_opens_when_its_tenant_is_done_whatever_other_tenants_do(self, worlds: _Worlds) -> None:
        world = worlds.make(gallery())
        world.add([*new_items(2, "quiet"), *new_items(2, "busy")])
        reconciler = world.reconciler()

        def stuck(work: Work) -> Outcome:
            return Retry("slow disk", world.clock.now_ms() + 10**9) if work.key.tenant == "busy" else echo(work)

        worker = world.worker(run=stuck)
        for _ in range(20):
            reconciler.step()
            worker.step()
        assert record_of(world.truth, key("i0001", "quiet"), "group").state is StageState.COMPLETED

    def test_a_busy_tenant_at_a_barrier_hides_no_other_tenant(self, worlds: _Worlds) -> None:
        world = worlds.make(gallery())
        world.add(new_items(world.settings.sweep_page + 5, "busy"))
        busy = [item.key for item in world.truth.items(limit=10_000)]
        for name in ("read", "measure"):
            worlds.settle_all(world, busy[1:], name)
        world.clock.advance_ms(10)
        world.add([new_item("only", "quiet")])
        worlds.settle_all(world, [key("only", "quiet")], "read")
        for name in ("look", "measure"):
            worlds.settle_all(world, [key("only", "quiet")], name)
        world.reconciler().step()
        assert record_of(world.truth, key("only", "quiet"), "group").state is StageState.PENDING

    def test_a_barrier_of_a_tenant_that_never_falls_silent_opens_in_bounded_time(self, worlds: _Worlds) -> None:
        world = worlds.make(gallery())
        world.add(new_items(2))
        for name in ("read", "measure"):
            worlds.settle_all(world, [key("i0001")], name)
        reconciler = world.reconciler()
        reconciler.step()
        assert record_of(world.truth, key("i0001"), "group").state is StageState.WAITING
        world.clock.advance_ms(int(world.settings.barrier_patience_s * 1000))
        reconciler.step()
        reconciler.step()
        assert record_of(world.truth, key("i0001"), "group").state is StageState.PENDING


class _Worlds:
    """Makes worlds from what the backend's subclass offers."""

    def __init__(self, suite: EndToEndConformance, clock: ManualClock, ids: SequentialIds, folder: Path) -> None:
        self._suite, self._clock, self._ids, self._folder = suite, clock, ids, folder
        self.opened: list[TruthStore | IntentQueue] = []

    def make(self, workflow: Workflow) -> World:
        """A world with empty stores."""
        truth = self._suite.make_truth(workflow, self._clock, self._ids, self._folder)
        intent = self._suite.make_intent(self._clock, RETENTION_S, self._folder)
        self.opened += [truth, intent]
        return World(workflow, truth, intent, self._clock, self._ids)

    def settle_all(self, world: World, keys: Sequence[ItemKey], stage: str) -> None:
        """Complete *stage* of many items in one commit."""
        world.truth.commit([settlement(world.truth, each, stage) for each in keys])


def _strict(address: Address) -> bool:
    if address.bucket != "source":
        raise MisroutedIntentError(f"there is no bucket {address.bucket!r}")
    return address.key != "gone"
