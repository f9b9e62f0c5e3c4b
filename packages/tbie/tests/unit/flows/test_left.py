"""A handler that answers as it goes: what becomes of works that it leaves, when it fails, stops, or is worn."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from packages.tbie.tests.unit.flows.ground import Answers, Flows, in_order
from tbie.core.outcome import Completed, Outcome
from tbie.execution import Begin, Work
from tbie.testing.builders import echo
from tbie.truth import StageState


def test_an_exception_is_a_retry_for_what_had_begun_and_the_rest_goes_back_untouched() -> None:
    def bug(works: Sequence[Work], begin: Begin) -> Answers:
        begin([0, 1, 2])
        yield 1, echo(works[1])
        raise RuntimeError("the device is lost")

    flows = Flows(5)
    stepped = flows.worker(bug).step()
    assert (stepped.committed, stepped.released) == (3, 2)
    rows = flows.rows()
    assert rows == {
        1: ("pending", 1, "handler_error"),
        2: ("completed", 1, None),
        3: ("pending", 1, "handler_error"),
        4: ("pending", 0, None),
        5: ("pending", 0, None),
    }
    assert "the device is lost" in str(flows.row(1).evidence)


def test_running_out_of_memory_is_told_apart() -> None:
    def hungry(works: Sequence[Work], begin: Begin) -> Answers:
        begin([0])
        yield from ()
        raise MemoryError(f"{len(works)} images")

    flows = Flows(1)
    flows.worker(hungry).step()
    assert flows.row(1).reason == "out_of_memory"


@pytest.mark.parametrize("lazily", [True, False])
def test_a_flow_that_fails_before_anything_began_uses_up_a_receive_of_all_or_it_would_for_ever(lazily: bool) -> None:
    def late(works: Sequence[Work], begin: Begin) -> Answers:
        del works, begin
        yield from ()
        raise OSError("no such model")

    def early(works: Sequence[Work], begin: Begin) -> Answers:
        raise OSError("no such model")

    flows = Flows(3)
    assert flows.worker(late if lazily else early).step().committed == 3
    assert set(flows.rows().values()) == {("pending", 1, "handler_error")}


def test_a_flow_that_ends_without_answering_all_is_a_retry_for_those_that_are_missing() -> None:
    def forgets(works: Sequence[Work], begin: Begin) -> Answers:
        begin([0, 1])
        yield 0, echo(works[0])

    flows = Flows(3)
    flows.worker(forgets).step()
    assert flows.rows() == {
        1: ("completed", 1, None),
        2: ("pending", 1, "handler_error"),
        3: ("pending", 1, "handler_error"),
    }
    assert flows.row(3).evidence == {"message": "the flow ended without an answer for 2 of 3 works"}


@pytest.mark.parametrize(
    ("position", "outcome", "said"),
    [
        (0, Completed({}), "0 twice"),
        (7, Completed({}), "7 twice, or it is no position"),
        (1, "yes", "which is no outcome"),
    ],
)
def test_an_answer_that_belongs_nowhere_ends_the_flow_and_what_was_answered_stays(
    position: int, outcome: Outcome, said: str
) -> None:
    closed: list[bool] = []

    def confused(works: Sequence[Work], begin: Begin) -> Answers:
        begin([0, 1])
        try:
            yield 0, echo(works[0])
            yield position, outcome
            yield 1, echo(works[1])
        finally:
            closed.append(True)

    flows = Flows(3)
    flows.worker(confused).step()
    assert flows.rows() == {1: ("completed", 1, None), 2: ("pending", 1, "handler_error"), 3: ("pending", 0, None)}
    assert said in str(flows.row(2).evidence)
    assert closed == [True]


@pytest.mark.parametrize("position", [0, 5, -1])
def test_to_begin_what_is_answered_or_nowhere_is_a_mistake_of_the_flow(position: int) -> None:
    def confused(works: Sequence[Work], begin: Begin) -> Answers:
        begin([0])
        yield 0, echo(works[0])
        begin([1, position])
        yield 1, echo(works[1])

    flows = Flows(2)
    worker = flows.worker(confused)
    worker.step()
    worker.flush()
    assert flows.row(1).state is StageState.COMPLETED
    assert flows.rows()[2][0] == "pending"
    assert flows.receives() == {2: 0}, "it had not begun"


def test_stopping_closes_the_flow_commits_what_came_and_gives_the_rest_back_uncounted() -> None:
    closed: list[int] = []
    stop: list[bool] = []

    def flow(works: Sequence[Work], begin: Begin) -> Answers:
        begin([0, 1])
        try:
            yield 0, echo(works[0])
            stop.append(True)
            yield 1, echo(works[1])
            yield 2, echo(works[2])
        finally:
            closed.append(len(closed))

    flows = Flows(4)
    worker = flows.worker(flow)
    stepped = worker.step(lambda: bool(stop))
    worker.flush()
    assert (stepped.committed, stepped.released, closed) == (2, 2, [0])
    assert flows.receives() == {3: 0, 4: 0}
    assert flows.progress.now is None


def test_a_flow_that_breaks_when_it_is_closed_still_gives_everything_back() -> None:
    def stubborn(works: Sequence[Work], begin: Begin) -> Answers:
        begin([0, 1])
        try:
            yield 0, echo(works[0])
        finally:
            raise RuntimeError("not now")

    flows = Flows(2)
    worker = flows.worker(stubborn)
    stepped = worker.step(lambda: bool(flows.calls))
    worker.flush()
    assert (stepped.committed, stepped.released, flows.receives()) == (1, 1, {2: 0})


def test_a_worn_process_gives_back_what_it_has_not_begun_and_takes_nothing_more() -> None:
    why: list[str] = []

    def flow(works: Sequence[Work], begin: Begin) -> Answers:
        why.append("the device has no memory left")
        yield from in_order(works, begin)

    flows = Flows(6, batch=3)
    worker = flows.worker(flow, worn=lambda: why[-1] if why else None)
    assert worker.step().committed == 3
    assert worker.worn == "the device has no memory left"
    assert worker.step().claimed == 0
    assert flows.receives() == {4: 0, 5: 0, 6: 0}
    assert flows.worker(in_order, "w2").step().committed == 3
