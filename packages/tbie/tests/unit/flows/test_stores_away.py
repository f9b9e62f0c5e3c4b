"""A handler that answers as it goes, and stores that are away in the middle of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from packages.tbie.tests.unit.flows.ground import Answers, Flows, in_order
from tbie.core.errors import IntentUnavailableError, TruthUnavailableError
from tbie.execution import AsTheyCome, Begin, OneByOne, Together, Work, alone
from tbie.testing.builders import echo
from tbie.testing.faults import intercept_intent, intercept_truth


def test_a_truth_that_goes_away_in_the_middle_ends_the_flow_and_nobody_pays() -> None:
    away: list[bool] = []
    closed: list[bool] = []

    def flow(works: Sequence[Work], begin: Begin) -> Answers:
        try:
            for position, work in enumerate(works):
                begin([position])
                if position == 2:
                    away.append(True)
                flows.clock.advance_ms(300)
                yield position, echo(work)
        finally:
            closed.append(True)

    def gate(
        name: str, method: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]
    ) -> object:
        if away and name == "truth.commit":
            raise TruthUnavailableError("away")
        return method(*args, **kwargs)

    flows = Flows(5)
    flows.world.truth = intercept_truth(flows.truth, gate)
    with pytest.raises(TruthUnavailableError):
        flows.worker(flow).step()
    away.clear()
    assert closed == [True]
    assert [state for state, _, _ in flows.rows().values()].count("completed") == 2
    assert set(flows.receives().values()) == {0}
    flows.worker(in_order, "w2").step()
    assert {state for state, _, _ in flows.rows().values()} == {"completed"}


def test_a_queue_that_is_away_in_the_middle_delays_only_the_messages() -> None:
    away: list[bool] = []

    def flow(works: Sequence[Work], begin: Begin) -> Answers:
        away.append(True)
        for position, work in enumerate(works):
            begin([position])
            flows.clock.advance_ms(300)
            yield position, echo(work)

    def gate(
        name: str, method: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]
    ) -> object:
        if away and name == "intent.exchange":
            raise IntentUnavailableError("away")
        return method(*args, **kwargs)

    flows = Flows(3)
    flows.world.intent = intercept_intent(flows.intent, gate)
    worker = flows.worker(flow)
    assert worker.step().committed == 3
    assert len(flows.messages()) == 3
    away.clear()
    worker.flush()
    assert flows.messages() == {}


def test_trouble_in_another_thread_is_told_to_the_worker() -> None:
    timers: list[Callable[[], None]] = []

    def later(seconds: float, do: Callable[[], None]) -> Callable[[], object]:
        del seconds
        timers.append(do)
        return lambda: None

    def flow(works: Sequence[Work], begin: Begin) -> Answers:
        begin([0, 1])
        yield 0, echo(works[0])
        flows.clock.advance_ms(300)
        timers[-1]()
        yield 1, echo(works[1])

    def gate(
        name: str, method: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]
    ) -> object:
        if name == "truth.commit":
            raise TruthUnavailableError("away")
        return method(*args, **kwargs)

    flows = Flows(2)
    flows.world.truth = intercept_truth(flows.truth, gate)
    worker = flows.worker(flow)
    worker.later = later
    with pytest.raises(TruthUnavailableError):
        worker.step()
    assert set(flows.receives().values()) == {0}


def test_any_handler_can_be_asked_about_one_work_alone() -> None:
    (item,) = Flows(1).truth.items()
    work = Work(item.key, "a", 1, "v1", item.address, {}, {})

    def twice(works: Sequence[Work], begin: Begin) -> Answers:
        yield from in_order(works, begin)
        yield from in_order(works, begin)

    said = echo(work)
    for handler in (OneByOne(echo), Together(lambda works: [echo(w) for w in works]), AsTheyCome(in_order)):
        assert alone(handler, work) == said
    with pytest.raises(ValueError, match="too many"):
        alone(AsTheyCome(twice), work)
