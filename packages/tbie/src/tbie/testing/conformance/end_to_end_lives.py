"""End to end, part 1: the life of items, retries and replays, addresses, barriers."""

from __future__ import annotations

from tbie.core.errors import MisroutedIntentError
from tbie.core.keys import Address
from tbie.core.outcome import Outcome, Retry, TerminalFailure
from tbie.core.reading import Known
from tbie.execution import Work
from tbie.replay import replay
from tbie.testing.builders import (
    WHO,
    chain,
    echo,
    gallery,
    item_of,
    key,
    new_item,
    new_items,
    record_of,
)
from tbie.testing.conformance.worlds import WithWorlds, Worlds
from tbie.truth import StageState


class Lives(WithWorlds):
    """What goes right, and what is refused."""

    def test_an_item_lives_from_added_to_settled(self, worlds: Worlds) -> None:
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

    def test_work_starts_by_the_change_stream_without_any_sweep(self, worlds: Worlds) -> None:
        world = worlds.make(chain("a", "b"))
        reconciler, worker = world.reconciler(), world.worker()
        reconciler.step()
        world.add(new_items(3))
        emitted = reconciler.step()
        assert (emitted.swept, emitted.emitted.sent) == (None, 3)
        assert sum(worker.step().committed for _ in range(3)) == 3

    def test_a_retry_is_the_same_intent_again_later(self, worlds: Worlds) -> None:
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

    def test_a_terminal_failure_is_final_until_it_is_replayed(self, worlds: Worlds) -> None:
        world = worlds.make(chain("a", "b"))
        world.add(new_items(3))
        world.heal(lambda work: TerminalFailure("source_missing", True))
        assert replay(world.truth, [i.key for i in world.truth.items()], "a", WHO, (StageState.FAILED,)) == 3
        world.heal()
        assert {r.state for i in world.truth.items() for r in i.stages.values()} == {StageState.COMPLETED}
        assert {r.generation for i in world.truth.items() for r in i.stages.values()} == {2}
        self.check(world)

    def test_a_misrouted_item_is_failed_at_construction_and_burns_no_receive(self, worlds: Worlds) -> None:
        world = worlds.make(chain("a", "b"))
        world.add([new_item("good"), new_item("wrong", bucket="nowhere"), new_item("gone")])
        world.resolve = _strict
        world.heal()
        reasons = {i.key.item: i.stages["a"].reason for i in world.truth.items()}
        assert reasons == {"good": None, "wrong": "misrouted_intent", "gone": "object_missing"}
        assert record_of(world.truth, key("wrong"), "a").attempts == 0
        assert record_of(world.truth, key("wrong"), "a").retriable
        self.check(world)

    def test_a_barrier_opens_when_its_tenant_is_done_whatever_other_tenants_do(self, worlds: Worlds) -> None:
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

    def test_a_busy_tenant_at_a_barrier_hides_no_other_tenant(self, worlds: Worlds) -> None:
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

    def test_a_barrier_of_a_tenant_that_never_falls_silent_opens_in_bounded_time(self, worlds: Worlds) -> None:
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


def _strict(address: Address) -> bool:
    if address.bucket != "source":
        raise MisroutedIntentError(f"there is no bucket {address.bucket!r}")
    return address.key != "gone"
