"""Flows that say something when they are over, and results that ripen when nobody commits any more: nobody is blamed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from packages.tbie.tests.unit.flows.ground import Answers, Flows, in_order
from tbie.core.clock import ManualClock
from tbie.execution import Begin, Work
from tbie.testing.builders import echo
from tbie.worker.ripening import Ripe, Ripening


def test_a_thread_that_a_flow_left_behind_blames_nobody_when_it_begins_something_after_the_end() -> None:
    left: list[Begin] = []

    def leaves_a_thread(works: Sequence[Work], begin: Begin) -> Answers:
        left.append(begin)
        begin([0])
        yield 0, echo(works[0])
        begin([1])
        raise RuntimeError("the device is lost")

    flows = Flows(4)
    flows.worker(leaves_a_thread).step()
    with pytest.raises(ValueError, match="over"):
        left[0]([2])
    assert flows.progress.now is None  # else its process would be ended later for an item that was given back


def test_nothing_ripens_in_another_thread_once_that_is_stopped() -> None:
    timers: list[Callable[[], None]] = []
    committed: list[Sequence[Ripe]] = []

    def later(_seconds: float, do: Callable[[], None]) -> Callable[[], object]:
        timers.append(do)
        return lambda: None

    clock = ManualClock()
    ripe = Ripening(committed.append, clock, 0.25, later)
    ripe.stop()
    ripe.add(*_a_result())
    clock.advance_ms(1_000)
    for timer in timers:
        timer()
    assert (len(timers), committed) == (0, [])
    ripe.commit()
    assert len(committed) == 1


def test_a_handler_that_cannot_say_whether_it_is_worn_is_taken_for_worn_and_nothing_is_lost() -> None:
    def broken() -> str | None:
        raise OSError("no such device")

    flows = Flows(2)
    worker = flows.worker(in_order, worn=broken)
    assert worker.step().committed == 2
    assert "no such device" in str(worker.worn)
    worker.flush()
    assert flows.messages() == {}


def _a_result() -> Ripe:
    results: list[Ripe] = []

    flows = Flows(1)
    worker = flows.worker(in_order)

    def keep(ripe: Sequence[Ripe], stepped: object) -> None:
        del stepped
        results.extend(ripe)

    worker.__dict__["_commit_ripe"] = keep  # instead of storing what ripens
    worker.step()
    return results[0]
