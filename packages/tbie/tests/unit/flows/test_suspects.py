"""Several items in one piece, one of which ends the process, or raises: who is charged, and who runs alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from packages.tbie.tests.unit.flows.ground import Answers, Flows, in_order
from tbie.core.errors import SettingsError
from tbie.core.outcome import Outcome, Retry
from tbie.execution import AsTheyCome, Begin, OneByOne, Together, Work
from tbie.testing.builders import echo, new_items
from tbie.worker import Worker, settle_death


def test_suspects_are_what_has_begun_and_is_not_answered_the_newest_first() -> None:
    def flow(works: Sequence[Work], begin: Begin) -> Answers:
        begin([0, 1])
        begin([2])
        yield 1, echo(works[1])
        yield 0, echo(works[0])
        yield 2, echo(works[2])
        assert flows.progress.now is None, "nothing is in hand"
        begin([3])
        yield 3, echo(works[3])

    flows = Flows(4)
    flows.worker(flow).step()
    two, all_three = ("i0002", "i0001"), ("i0003", "i0002", "i0001")
    assert flows.progress.log == [two, all_three, ("i0003", "i0001"), ("i0003",), ("i0004",)]
    assert flows.progress.now is None


def test_one_that_kills_is_found_alone_and_fails_and_everybody_else_is_completed() -> None:
    flows = Flows(6)

    class DiedError(BaseException):
        """The process is gone."""

    def flow(works: Sequence[Work], begin: Begin) -> Answers:
        begin(range(len(works)))
        for position, work in enumerate(works):
            if work.key.item == "i0003":
                raise DiedError
            yield position, echo(work)

    deaths = 0
    for number in range(20):
        worker = flows.worker(flow, f"w{number}")
        try:
            if not worker.step().claimed:
                break
        except DiedError:
            deaths += 1
            tokens = {record.token: item for item in flows.truth.items() for record in item.stages.values()}
            suspects = tuple(t for t, item in tokens.items() if item.key.item in flows.progress.log[-1])
            settle_death(
                f"w{number}", suspects, flows.world.workflow, flows.truth, flows.intent, "worker_died", {"exit": 9}
            )
        worker.flush()
        flows.progress.now = None
    rows = flows.rows()
    assert {n: row for n, row in rows.items() if n != 3} == {
        n: ("completed", rows[n][1], None) for n in (1, 2, 4, 5, 6)
    }
    assert rows[3] == ("failed", 3, "worker_died")
    record = flows.row(3)
    assert record.evidence is not None
    assert record.evidence["exit"] == 9
    assert "suspects" not in record.evidence, "it was alone"
    assert deaths == 3
    assert flows.calls[1] == ["i0001", "i0002"], "their answers had come and were lost; they were no suspects"
    assert all(len(call) == 1 for call in flows.calls[2:]), "after the first death each suspect goes alone"


def test_of_several_suspects_none_fails_even_at_its_last_receive() -> None:
    flows = Flows(2, max_receives=2)
    for _ in range(2):
        messages = flows.intent.exchange((), flows.worker(in_order, "dead")._claims)
        tokens = tuple(message.envelope.token for message in messages)
        settle_death("dead", tokens, flows.world.workflow, flows.truth, flows.intent, "worker_died", {})
    assert flows.rows() == {1: ("pending", 1, "worker_died"), 2: ("pending", 1, "worker_died")}
    assert flows.receives() == {1: 1, 2: 1}
    assert flows.row(1).evidence == {"worker": "dead", "suspects": 2}
    flows.worker(in_order).step()
    assert flows.calls == [["i0001"], ["i0002"]]


def test_what_was_answered_with_another_time_may_share_a_piece_again_but_not_at_its_last_receive() -> None:
    def busy(works: Sequence[Work], begin: Begin) -> Answers:
        begin(range(len(works)))
        for position in range(len(works)):
            yield position, Retry("truncated", 0)

    flows = Flows(2)
    worker = flows.worker(busy)
    while worker.step().claimed:
        pass
    assert flows.calls == [["i0001", "i0002"], ["i0001", "i0002"], ["i0001"], ["i0002"]]
    assert set(flows.rows().values()) == {("failed", 3, "truncated")}


def test_a_receive_that_nobody_answered_makes_its_message_run_alone() -> None:
    flows = Flows(3)
    flows.intent.exchange((), flows.worker(in_order, "vanished")._claims)  # and its machine with it: nobody saw it die
    flows.clock.advance_ms(61_000)
    flows.world.add([new_items(4)[3]])
    flows.world.reconciler().step()
    flows.worker(in_order).step()
    assert flows.calls == [["i0004"], ["i0001"], ["i0002"], ["i0003"]]


def test_what_runs_together_is_found_out_in_the_same_way() -> None:
    flows = Flows(3)
    ran: list[list[str]] = []

    def together(works: Sequence[Work]) -> Sequence[Outcome]:
        ran.append([work.key.item for work in works])
        if any(work.key.item == "i0002" for work in works):
            raise RuntimeError("cannot be compared")
        return [echo(work) for work in works]

    world = flows.world
    stores = (world.truth, world.intent, world.clock, world.settings)
    worker = Worker("w", "default", world.workflow, {"a": Together(together)}, *stores, progress=flows.progress)
    for _ in range(9):
        worker.step()
        flows.clock.advance_ms(10_000)
    assert flows.progress.log[0] == ("i0001", "i0002", "i0003")
    rows = flows.rows()
    assert (rows[1][0], rows[2], rows[3][0]) == ("completed", ("failed", 3, "handler_error"), "completed")


@pytest.mark.parametrize("handler", [AsTheyCome(in_order), Together(lambda works: [echo(w) for w in works])])
def test_a_stage_whose_deaths_nobody_could_trace_is_refused(handler: AsTheyCome | Together) -> None:
    def worker(batch: int, receives: int, of: AsTheyCome | Together | OneByOne) -> Worker:
        world = Flows(1, batch, receives).world
        stores = (world.truth, world.intent, world.clock, world.settings)
        return Worker("w", "default", world.workflow, {"a": of}, *stores)

    with pytest.raises(SettingsError, match="allows a single receive"):
        worker(2, 1, handler)
    assert worker(1, 1, handler)
    assert worker(2, 2, handler)
    assert worker(2, 1, OneByOne(echo))
