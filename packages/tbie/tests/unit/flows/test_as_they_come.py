"""A handler that answers as it goes: when its outcomes are committed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from packages.tbie.tests.unit.flows.ground import FLUSH_S, Answers, Flows, in_order
from tbie.core.outcome import Completed, Retry, TerminalFailure
from tbie.execution import Begin, Work
from tbie.testing.builders import echo
from tbie.truth import StageState
from tbie.worker import Worker


def test_outcomes_in_any_order_end_where_they_belong() -> None:
    def backwards(works: Sequence[Work], begin: Begin) -> Answers:
        begin(range(len(works)))
        for position in reversed(range(len(works))):
            yield position, Completed({"a": works[position].key.item})

    flows = Flows(5)
    stepped = flows.worker(backwards).step()
    assert (stepped.claimed, stepped.committed) == (5, 5)
    assert [flows.row(n).facts for n in range(1, 6)] == [{"a": f"i000{n}"} for n in range(1, 6)]
    assert flows.messages() == {}
    assert flows.calls == [["i0001", "i0002", "i0003", "i0004", "i0005"]], "one flow for all of them"


def test_an_outcome_waits_for_no_longer_than_a_moment_and_its_message_goes_with_it() -> None:
    seen: list[tuple[int, int]] = []

    def slow(works: Sequence[Work], begin: Begin) -> Answers:
        for position, work in enumerate(works):
            begin([position])
            done = [state for state, _, _ in flows.rows().values()].count("completed")
            seen.append((done, len(flows.messages())))
            flows.clock.advance_ms(100)
            yield position, echo(work)

    flows = Flows(7)
    worker = flows.worker(slow)
    assert worker.step().committed == 7
    assert seen == [(0, 7)] * 4 + [(4, 3)] * 3, "the first came at 0.1 s, so those until 0.4 s went with it"
    assert worker.done == 7


def test_what_is_ripe_is_committed_before_the_next_piece_begins() -> None:
    done: list[int] = []

    def batches(works: Sequence[Work], begin: Begin) -> Answers:
        for first in range(0, len(works), 2):
            flows.clock.advance_ms(1_000)
            begin([first, first + 1])
            done.append([state for state, _, _ in flows.rows().values()].count("completed"))
            for position in (first, first + 1):
                yield position, echo(works[position])

    flows = Flows(6)
    flows.worker(batches).step()
    assert done == [0, 2, 4]


def test_a_worker_with_threads_commits_what_is_ripe_while_the_flow_says_nothing() -> None:
    timers: list[tuple[float, Callable[[], None]]] = []

    def later(seconds: float, do: Callable[[], None]) -> Callable[[], object]:
        timers.append((seconds, do))
        return lambda: None

    def stalls(works: Sequence[Work], begin: Begin) -> Answers:
        begin([0, 1])
        yield 0, echo(works[0])
        assert flows.row(1).state is StageState.PENDING
        flows.clock.advance_ms(250)
        timers[-1][1]()  # as a timer does, from its thread
        assert flows.row(1).state is StageState.COMPLETED
        assert len(flows.messages()) == 1
        yield 1, echo(works[1])

    flows = Flows(2)
    worker = flows.worker(stalls)
    worker.later = later
    assert worker.step().committed == 2
    assert [seconds for seconds, _ in timers] == [FLUSH_S, FLUSH_S]
    timers[-1][1]()  # too late: nothing is left to commit


def test_leases_are_extended_for_what_is_still_in_hand_only() -> None:
    held: list[int] = []
    workers: list[Worker] = []

    def flow(works: Sequence[Work], begin: Begin) -> Answers:
        for position, work in enumerate(works):
            begin([position])
            flows.clock.advance_ms(300)
            held.append(len(workers[0].held))
            yield position, echo(work)

    flows = Flows(3)
    workers.append(flows.worker(flow))
    workers[0].step()
    assert held == [3, 3, 1]
    assert workers[0].held == ()


def test_terminal_failures_and_retries_are_answers_like_any_other() -> None:
    def mixed(works: Sequence[Work], begin: Begin) -> Answers:
        begin([0, 1, 2])
        yield 0, TerminalFailure("refused", False, {"said": "no"})
        yield 1, Retry("truncated", evidence={"tokens": 12})
        yield 2, echo(works[2])

    flows = Flows(3)
    flows.worker(mixed).step()
    assert flows.rows() == {1: ("failed", 1, "refused"), 2: ("pending", 1, "truncated"), 3: ("completed", 1, None)}


def test_a_retry_that_is_no_attempt_uses_up_nothing_however_often_it_is_the_answer() -> None:
    def away(works: Sequence[Work], begin: Begin) -> Answers:
        begin(range(len(works)))
        for position in range(len(works)):
            yield position, Retry("server_away", flows.clock.now_ms() + 5_000, {"status": 503}, counted=False)

    flows = Flows(2)
    worker = flows.worker(away)
    for _ in range(6):
        assert worker.step().held == 2
        worker.flush()
        assert flows.rows() == {1: ("pending", 0, "server_away"), 2: ("pending", 0, "server_away")}
        assert worker.step().claimed == 0, "they wait"
        flows.clock.advance_ms(5_000)
    assert flows.receives() == {1: 0, 2: 0}
    assert flows.calls == [["i0001", "i0002"]] * 6, "and stay together"
    assert flows.worker(in_order).step().committed == 2
