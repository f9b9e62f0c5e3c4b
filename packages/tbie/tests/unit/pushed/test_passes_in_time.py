"""Passes that end in time and are gone on with by the next process, on a clock of the test's."""

from __future__ import annotations

import pytest

from packages.tbie.tests.unit.ground import SMALL
from packages.tbie.tests.unit.pushed.ground import Functions
from tbie.core.clock import ManualClock
from tbie.core.errors import TruthUnavailableError
from tbie.core.outcome import Retry
from tbie.core.reading import Known, Unknown
from tbie.diagnose.heartbeats import position
from tbie.intent import Claim
from tbie.pause import PAUSE
from tbie.reconciler.loop import Pass
from tbie.reconciler.place import PLACE
from tbie.testing.builders import (
    key,
    new_items,
    settle,
)
from tbie.truth import Document, OpenStage


class Slow(ManualClock):
    """Every look at the clock takes a second."""

    def monotonic_s(self) -> float:
        self.advance_ms(1_000)
        return super().monotonic_s()


def _sweeps(functions: Functions, seconds: float, most: int = 60) -> list[Pass]:
    """Passes of *seconds* each, each in a new process, until a sweep has finished."""
    passes = []
    for number in range(most):
        clock = Slow(functions.clock.now_ms())
        passes.append(
            functions.start(f"s{number}", clock).step(force_sweep=True, until_s=clock.monotonic_s() + seconds)
        )
        if passes[-1].swept is not None:
            return passes
    raise AssertionError(f"no sweep finished in {most} passes")


def test_a_scheduled_pass_sweeps_and_does_not_read_the_stream(functions: Functions) -> None:
    functions.add(3)
    functions.clock.advance_ms(60_000)
    done = functions.start().step(force_sweep=True)
    assert (done.read, done.emitted.superseded, done.more) == (0, 3, False)
    body = functions.beat_of("reconciler")
    assert (body["pushed"], body["cursor"], body["lag"]) == (True, None, None)
    beats = Known(tuple(functions.truth.heartbeats()), "truth", 0)
    assert position(beats, Known(0, "truth", 0)) is None, "where a stream stands that nobody here reads is not known"


def test_a_sweep_that_runs_out_of_time_is_gone_on_with_by_the_next_process(functions: Functions) -> None:
    functions.add(100)
    functions.clock.advance_ms(60_000)
    passes = _sweeps(functions, 5.0)
    assert len(passes) > 2
    assert all(done.more for done in passes[:-1])
    assert passes[-1].swept is not None
    assert passes[-1].swept.open == 100
    assert sum(done.emitted.superseded for done in passes) == 100, "each page was taken once"
    assert functions.truth.documents(PLACE) == [], "nothing is left of it"
    (last,) = [beat for beat in functions.truth.heartbeats() if beat.instance == f"s{len(passes) - 1}"]
    assert last.body["coverage"]["a"]["open"] == 100  # type: ignore[index]


def test_a_pass_without_any_time_left_still_does_a_page(functions: Functions) -> None:
    functions.add(1)
    functions.clock.advance_ms(60_000)
    passes = _sweeps(functions, 0.0)
    assert sum(done.emitted.superseded for done in passes) == 1


def test_a_blind_part_of_a_sweep_is_not_forgotten_by_whoever_goes_on(functions: Functions) -> None:
    functions.add(100)
    functions.clock.advance_ms(60_000)
    clock = Slow(functions.clock.now_ms())
    first = functions.start("blind", clock)
    seen = functions.intent.presence
    functions.intent.presence = lambda *_: Unknown("access denied", "intent", 0)  # type: ignore[method-assign]
    assert first.step(force_sweep=True, until_s=clock.monotonic_s() + 4).more
    functions.intent.presence = seen  # type: ignore[method-assign]
    last = _sweeps(functions, 100.0)[-1]
    assert last.swept is not None
    assert last.swept.blind == ["intent: access denied"]
    assert last.swept.coverage["a"].gap is None, "unknown is not zero"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"left": [], "grace_ms": 0, "open": 0, "coverage": {}, "blind": []},
        {"left": [["compare", "gone", None, 0, None]], "grace_ms": 0, "open": 0, "coverage": {}, "blind": []},
        {"left": [["compare", "a", ["open", ["t"]], 0, None]], "grace_ms": 0, "open": 0, "coverage": {}, "blind": []},
        {"left": "everything", "grace_ms": "never", "open": None, "coverage": [], "blind": 7},
        {"left": [["dance", "a", None, 0, None]], "grace_ms": 0, "open": 0, "coverage": {}, "blind": []},
    ],
)
def test_a_place_that_cannot_be_read_begins_a_new_sweep(functions: Functions, body: dict[str, object]) -> None:
    functions.add(2)
    functions.clock.advance_ms(60_000)
    functions.truth.write_document(PLACE, "place", body, None)
    done = functions.start().step(force_sweep=True)
    assert done.swept is not None
    assert done.emitted.superseded == 2
    assert functions.truth.documents(PLACE) == []


def test_a_pause_that_is_over_is_dropped_in_the_pass_that_woke_its_rows(functions: Functions) -> None:
    control, count = functions.start(), SMALL.pause_failure_count
    functions.add(count)
    control.absorb(functions.told())
    for item in functions.truth.items():
        settle(functions.truth, item.key, "a", Retry("model_away"))
    control.absorb(functions.told())
    functions.clock.advance_ms(int(1000 * SMALL.pause_base_s) + 1)
    functions.start().step(force_sweep=True)  # finds the rows
    probing = functions.start("prober")
    for _ in range(3):
        probing.step(force_sweep=True)
        functions.clock.advance_ms(3_000)
    claimed = functions.intent.exchange((), (Claim("a", "w", 1, 60.0, 3),))
    settle(functions.truth, claimed[0].envelope.key, "a")
    functions.clock.advance_ms(3_000)
    woken = functions.start("fresh")
    for _ in range(3):  # healed; swept; dropped
        woken.step(force_sweep=True)
        functions.clock.advance_ms(3_000)
    assert functions.truth.documents(PAUSE) == []


def test_a_truth_that_is_away_is_a_blind_pass_for_a_schedule_and_an_error_for_what_was_pushed(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions.add(1)
    rows, control = functions.told(), functions.start()

    def away(*_: object) -> list[Document]:
        raise TruthUnavailableError("Truth is away")

    monkeypatch.setattr(functions.truth, "documents", away)
    monkeypatch.setattr(functions.truth, "get", away)
    assert control.step(force_sweep=True).blind[0] == "Truth is away"
    with pytest.raises(TruthUnavailableError):
        control.absorb(rows)
    assert functions.intent.sent == []


def test_places_survive_as_they_were_written() -> None:
    row = OpenStage(key(), "a", "v1", 1, "t1", 5, 0, 0, new_items(1)[0].address, "why")
    assert _there_and_back(row) == row
    assert _there_and_back(row._replace(reason=None)) == row._replace(reason=None)


def _there_and_back(row: OpenStage) -> object:
    import json

    from tbie.reconciler.errand import Errand, Kind, read_place, write_place

    body = write_place([Errand(Kind.COMPARE, "a", row, 3, (4, 5))], 1, 2, {}, [])
    place = read_place(json.loads(json.dumps(body)), {"a"})
    assert place is not None
    return place.left[0].after
