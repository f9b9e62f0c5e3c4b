"""End to end, part 2: processes die, the queue vanishes, handlers misbehave. Nothing is lost, and nobody else suffers."""

from __future__ import annotations

from collections import Counter

import pytest

from tbie.core.errors import IntentUnavailableError, TruthUnavailableError
from tbie.core.outcome import Completed, Outcome
from tbie.execution import Work
from tbie.testing.builders import (
    World,
    all_open,
    chain,
    echo,
    gallery,
    key,
    new_items,
    record_of,
)
from tbie.testing.conformance.worlds import WithWorlds, Worlds
from tbie.testing.faults import CrashError, Flaky
from tbie.truth import StageState


class Faults(WithWorlds):
    """What goes wrong."""

    @pytest.mark.parametrize("moment", range(8))
    def test_the_queue_may_be_destroyed_at_any_step(self, worlds: Worlds, moment: int) -> None:
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
    def test_a_worker_may_die_at_any_step(self, worlds: Worlds, store: str, point: str, call: int) -> None:
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
    def test_a_reconciler_may_die_at_any_step(self, worlds: Worlds, store: str, point: str, call: int) -> None:
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

    def test_a_store_that_is_away_is_a_blind_pass_not_a_crash(self, worlds: Worlds) -> None:
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

    def test_messages_delivered_twice_have_one_effect(self, worlds: Worlds) -> None:
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

    def test_a_handler_that_always_raises_fails_its_item_with_the_reason_and_no_other(self, worlds: Worlds) -> None:
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

    def test_an_item_that_kills_its_workers_is_quarantined_by_name(self, worlds: Worlds) -> None:
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
    def test_facts_that_cannot_be_stored_fail_their_item_and_no_other(self, worlds: Worlds, value: object) -> None:
        world = worlds.make(chain("a", claim_batch=4))
        world.add(new_items(4))

        def careless(work: Work) -> Outcome:
            return Completed({"a": value}) if work.key.item == "i0002" else echo(work)

        world.heal(careless)
        states = {i.key.item: i.stages["a"].state for i in world.truth.items()}
        assert states.pop("i0002") is StageState.FAILED
        assert set(states.values()) == {StageState.COMPLETED}
        self.check(world)
