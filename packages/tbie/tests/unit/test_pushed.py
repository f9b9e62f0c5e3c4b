"""Changes that are pushed to the reconciler, and passes that end in time: what a function does, on a clock of the test's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from packages.tbie.tests.unit.ground import SMALL, Recording
from tbie.backends.memory.belief import belief
from tbie.backends.memory.ledger import MemoryLedger
from tbie.backends.memory.truth import MemoryTruth
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import IntentUnavailableError, TruthUnavailableError
from tbie.core.ids import SequentialIds
from tbie.core.keys import ItemKey
from tbie.core.outcome import Retry
from tbie.core.reading import Depth, FleetView, Known, Reading, Unknown
from tbie.diagnose.heartbeats import control_plane, position
from tbie.intent import Claim
from tbie.pause import PAUSE
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.loop import Pass, Reconciler
from tbie.reconciler.place import PLACE
from tbie.reconciler.pushed import Row
from tbie.testing.builders import (
    WHO,
    all_open,
    chain,
    everywhere,
    key,
    new_items,
    record_of,
    settle,
)
from tbie.truth import Document, Heartbeat, OpenStage, Reset, TruthStore


class Queue(Recording):
    """May be unreadable, as a queue whose attributes nobody may read."""

    blind = False

    def depth(self, stage: str) -> Reading[Depth]:
        return Unknown("access denied", "intent", self.clock.now_ms()) if self.blind else super().depth(stage)

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.clock = clock


class Fleet:
    """Remembers what was asked of it."""

    def __init__(self, clock: ManualClock) -> None:
        self.asked: dict[str, int] = {}
        self._clock = clock

    def set_desired(self, pool: str, workers: int) -> None:
        self.asked[pool] = workers

    def view(self, pool: str) -> Reading[FleetView]:
        return Known(FleetView(self.asked.get(pool, 0), 0, 0), "fleet", self._clock.now_ms())


class Functions:
    """Truth, a queue, a fleet, and reconcilers over them that are handed what changed."""

    def __init__(self, truth: Callable[[ManualClock], TruthStore], clock: ManualClock) -> None:
        self.clock, self.workflow = clock, chain("a", "b")
        self.truth, self.intent, self.fleet = truth(clock), Queue(clock), Fleet(clock)
        self.ledger = MemoryLedger(1_000)
        self.seq = 0

    def start(self, name: str = "f1", clock: ManualClock | None = None) -> Reconciler:
        """A new process, which knows nothing."""
        return Reconciler(
            self.workflow,
            self.truth,
            self.intent,
            everywhere,
            clock or self.clock,
            SMALL,
            instance=name,
            belief=belief(self.workflow, self.intent, self.fleet),
            fleet=self.fleet,
            limits={"default": PoolLimits(4, 10)},
            ledger=self.ledger,
            pushed=True,
        )

    def told(self, limit: int = 10_000) -> list[Row]:
        """What a stream would have said since the last time."""
        opened, self.seq = self.truth.opened_since(self.seq, limit)
        return [Row(row.key, row.stage) for row in opened]

    def add(self, count: int) -> None:
        self.truth.add(new_items(count), WHO)

    def beat_of(self, component: str) -> Mapping[str, object]:
        (beat,) = [b for b in self.truth.heartbeats() if b.component == component]
        return beat.body


def _memory(clock: ManualClock, _folder: Path) -> TruthStore:
    return MemoryTruth(chain("a", "b"), clock, SequentialIds())


def _sqlite(clock: ManualClock, folder: Path) -> TruthStore:
    return SqliteTruth(folder / "truth.db", chain("a", "b"), clock, SequentialIds())


@pytest.fixture(params=[_memory, _sqlite], ids=["memory", "sqlite"])
def functions(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Functions]:
    made = Functions(lambda clock: request.param(clock, tmp_path), ManualClock())
    yield made
    made.truth.close()


# -- what is pushed


def test_what_is_pushed_is_emitted_with_the_rows_own_token_and_wakes_the_fleet(functions: Functions) -> None:
    functions.add(3)
    done = functions.start().absorb(functions.told())
    assert (done.read, done.emitted.sent, done.blind) == (3, 3, [])
    assert [e.token for e in functions.intent.sent] == [r.token for r in all_open(functions.truth, functions.workflow)]
    assert functions.fleet.asked == {"default": 1}


def test_a_record_that_comes_twice_or_in_two_processes_sends_one_message(functions: Functions) -> None:
    functions.add(2)
    rows = functions.told()
    functions.start("f1").absorb([*rows, *rows])
    functions.start("f2").absorb(reversed(rows))
    depth = functions.intent.depth("a")
    assert isinstance(depth, Known)
    assert depth.value.live == 2


def test_what_is_closed_by_now_is_not_sent(functions: Functions) -> None:
    functions.add(2)
    rows = functions.told()
    settle(functions.truth, rows[0].key, "a")
    functions.start().absorb(rows)
    assert [(e.key, e.stage) for e in functions.intent.sent] == [(rows[1].key, "a")]


def test_a_record_of_an_older_token_sends_the_one_that_the_row_has_now(functions: Functions) -> None:
    functions.add(1)
    rows = functions.told()
    functions.truth.commit([Reset(rows[0].key, "a", WHO)])
    functions.start().absorb(rows)
    (sent,) = functions.intent.sent
    assert (sent.token, sent.generation) == (record_of(functions.truth, rows[0].key, "a").token, 2)


def test_records_of_items_and_stages_that_do_not_exist_are_passed_over(functions: Functions) -> None:
    functions.add(1)
    rows = [Row(key("nobody"), "a"), Row(ItemKey("", ""), "no such stage"), *functions.told()]
    assert functions.start().absorb(rows).emitted.sent == 1


def test_nothing_pushed_reads_nothing_and_sends_nothing(functions: Functions) -> None:
    functions.add(1)
    assert functions.start().absorb([]).emitted.sent == 0


def test_a_queue_that_is_away_raises_and_the_same_rows_go_in_again(functions: Functions) -> None:
    functions.add(2)
    rows, control = functions.told(), functions.start()
    functions.intent.away = 1
    with pytest.raises(IntentUnavailableError):
        control.absorb(rows)
    assert functions.beat_of("absorber")["blind"] == ["the queue is away"]
    assert control.absorb(rows).emitted.sent == 2


def test_it_notes_its_decisions_at_once_and_moves_no_cursor(functions: Functions) -> None:
    functions.add(2)
    control = functions.start()
    control.absorb(functions.told())
    assert [(e.action, e.reason) for e in functions.ledger.recent(10)] == [("emit", "opened")] * 2
    control.close()
    assert functions.truth.cursor("reconciler") == 0


def test_put_off_rows_that_are_pushed_trip_a_pause_that_workers_obey(functions: Functions) -> None:
    control, count = functions.start(), SMALL.pause_failure_count
    functions.add(count)
    control.absorb(functions.told())
    for item in functions.truth.items():
        settle(functions.truth, item.key, "a", Retry("model_away"))
    assert functions.truth.documents(PAUSE) == []
    control.absorb(functions.told())
    (pause,) = functions.truth.documents(PAUSE)
    assert pause.body["reason"] == "model_away"


def test_it_emits_although_the_queue_cannot_be_read_and_says_that_it_is_blind(functions: Functions) -> None:
    functions.add(2)
    functions.intent.blind = True
    done = functions.start().absorb(functions.told())
    assert (done.emitted.sent, done.blind) == (2, ["intent (a): access denied", "intent (b): access denied"])
    assert functions.fleet.asked == {"default": SMALL.min_blind_workers}
    functions.truth.beat(Heartbeat("reconciler", "sweep", functions.clock.now_ms(), {"role": "operator", "blind": []}))
    (finding,) = control_plane(functions.truth.heartbeats(), functions.clock.now_ms(), 6_000)
    assert (finding.code, finding.value("unreadable")) == ("control_plane_blind", done.blind)
    functions.clock.advance_ms(6_001)
    functions.truth.beat(Heartbeat("reconciler", "sweep", functions.clock.now_ms(), {"role": "operator", "blind": []}))
    assert control_plane(functions.truth.heartbeats(), functions.clock.now_ms(), 6_000) == [], (
        "its silence says nothing"
    )


# -- passes that end in time


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
