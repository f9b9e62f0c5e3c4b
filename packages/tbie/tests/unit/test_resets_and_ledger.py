"""What is begun anew without anybody asking, and what is written down of decisions."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from packages.tbie.tests.unit.ground import Ground
from tbie.backends.memory.ledger import MemoryLedger
from tbie.core.clock import ManualClock
from tbie.core.errors import LedgerUnavailableError
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.core.settings import Settings
from tbie.execution import Work
from tbie.reconciler.ledger import Noted
from tbie.reconciler.notes import Notes
from tbie.reconciler.resets import decide_reset
from tbie.testing.builders import (
    chain,
    gallery,
    item_of,
    key,
    new_item,
    new_items,
    record_of,
    settle,
)
from tbie.truth import FailedStage, Reset, StageState

# -- resets


@pytest.mark.parametrize(
    ("reason", "resets", "age_s", "paused", "expected"),
    [
        ("no_network", 0, 600, False, (True, "retriable_failure")),
        ("no_network", 1, 600, False, (True, "retriable_failure")),
        ("no_network", 2, 600, False, (False, "reset_budget_spent")),
        ("no_network", 0, 599, False, (False, "cooling_down")),
        ("worker_died", 0, 9_999, False, (False, "quarantined")),
        ("timed_out", 0, 9_999, False, (False, "quarantined")),
        ("no_network", 0, 600, True, (False, "class_paused")),
    ],
)
def test_which_failures_are_reset(
    reason: str, resets: int, age_s: int, paused: bool, expected: tuple[bool, str]
) -> None:
    row = FailedStage(key(), "a", "tok", reason, resets, 0)
    assert tuple(decide_reset(row, age_s * 1_000, Settings(), paused)) == expected


def run_to_failure(ground: Ground, outcome: Outcome, hours: int = 3) -> list[int]:
    """Sweeps and attempts for *hours*; returns the generations that were tried."""
    tried: list[int] = []

    def handler(work: Work) -> Outcome:
        if work.stage == "a":
            tried.append(work.generation)
            return outcome
        return Completed({work.stage: 1})

    worker = ground.world.worker("w", handler)
    for _ in range(hours * 60):
        ground.control.step(force_sweep=True)
        while worker.step().claimed:
            ground.control.step()
        ground.clock.advance_ms(60_000)
    return tried


def test_a_retriable_failure_is_begun_anew_twice_and_then_left_to_a_person() -> None:
    ground = Ground(chain("a", "b"), Settings())
    ground.world.add([new_item()])
    assert run_to_failure(ground, TerminalFailure("source_missing", True)) == [1, 2, 3]
    record = record_of(ground.truth, key(), "a")
    assert (record.state, record.resets) == (StageState.FAILED, 2)
    ground.truth.commit([Reset(key(), "a", ground.truth.history(key())[0].cause)])  # a person's replay
    assert run_to_failure(ground, TerminalFailure("source_missing", True)) == [4, 5, 6], "the budget is whole again"


def test_a_failure_that_is_final_is_never_begun_anew() -> None:
    ground = Ground(chain("a", "b"), Settings())
    ground.world.add([new_item()])
    assert run_to_failure(ground, TerminalFailure("not_an_image", False)) == [1]


def test_poison_stays_quarantined_with_its_evidence_until_a_person_replays_it() -> None:
    ground = Ground(chain("a", max_receives=1), Settings())
    ground.world.add([new_item()])
    ground.control.step()
    evidence = {"signal": "SIGSEGV"}
    settle(ground.truth, key(), "a", Retry("worker_died", evidence=evidence), last_receive=True)
    ground.intent.purge()
    for _ in range(100):
        ground.clock.advance_ms(600_000)
        ground.control.step(force_sweep=True)
    record = record_of(ground.truth, key(), "a")
    assert (record.state, record.generation, record.reason) == (StageState.FAILED, 1, "worker_died")
    assert record.evidence is not None
    assert record.evidence["signal"] == "SIGSEGV"


def test_what_waited_behind_a_failure_opens_anew_with_its_barrier() -> None:
    ground = Ground(gallery(), Settings())
    ground.world.add(new_items(2))
    ground.world.heal()
    failing = key("i0001")
    ground.truth.commit([Reset(failing, "measure", ground.truth.history(failing)[0].cause)])
    settle(ground.truth, failing, "measure", TerminalFailure("disk_full", True))
    assert record_of(ground.truth, failing, "group").state is StageState.SKIPPED
    ground.clock.advance_ms(601_000)
    ground.control = ground.another()
    swept = ground.control.step(force_sweep=True).swept
    assert swept is not None
    assert swept.reset == 1
    ground.world.heal()
    assert {r.state for r in item_of(ground.truth, failing).stages.values()} == {StageState.COMPLETED}


# -- the ledger


class Broken(MemoryLedger):
    """A ledger that may be away."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.away = False
        self.writes = 0

    def note(self, decisions: Sequence[Noted]) -> None:
        if self.away:
            raise LedgerUnavailableError("the ledger is away")
        self.writes += len(decisions)
        super().note(decisions)


def test_every_decision_is_noted_with_the_token_of_the_intent_that_was_sent() -> None:
    ledger = Broken(1_000)
    ground = Ground(settings=Settings(), ledger=ledger)
    ground.world.add([new_item()])
    ground.control.step()
    first = record_of(ground.truth, key(), "a").token
    ground.control.step(force_sweep=True)
    ground.intent.purge()
    ground.clock.advance_ms(5_000)
    ground.control.step(force_sweep=True)
    second = record_of(ground.truth, key(), "a").token
    assert [(e.token, e.action, e.reason) for e in ledger.of(key())][:3] == [
        (first, "emit", "opened"),
        (first, "nothing", "intent_is_live"),
        (second, "supersede", "truth_without_intent"),
    ]


def test_a_thousand_sweeps_over_a_standing_backlog_grow_neither_the_queue_nor_the_ledger() -> None:
    ledger = Broken(10_000)
    ground = Ground(settings=Settings(), ledger=ledger)
    ground.world.add(new_items(100))
    ground.control.step(force_sweep=True)
    rows = len(ledger.recent(10_000))
    ledger.writes = 0
    for _ in range(1_000):
        ground.clock.advance_ms(100)
        ground.control.step(force_sweep=True)
    assert ground.live() == 100
    assert len(ledger.recent(10_000)) == rows
    assert ledger.writes == 0, "100 seconds of sweeps have written nothing"
    ground.control.close()
    assert sum(ledger.counts().values()) >= 1_000 * 100, "the repetitions were counted all the same"


def test_decisions_that_cannot_be_written_down_are_told_and_stop_nothing() -> None:
    class Faulty(Broken):
        def note(self, decisions: Sequence[Noted]) -> None:
            if not self.writes:
                self.writes = 1
                raise ValueError("not JSON")
            super().note(decisions)

    ledger = Faulty(1_000)
    ground = Ground(settings=Settings(), ledger=ledger)
    ground.world.add([new_item("i1")])
    done = ground.control.step()
    assert (done.emitted.sent, done.blind) == (1, [])
    assert done.unnoted == "2 decisions cannot be noted: ValueError: not JSON"
    ground.world.add([new_item("i2")])
    ground.clock.advance_ms(1_000)
    ground.control.step()
    ground.clock.advance_ms(1_000)
    assert ground.control.step().unnoted is None
    assert {entry.key.item for entry in ledger.recent()} == {"i2"}


def test_a_ledger_that_hangs_gets_a_tenth_of_the_time() -> None:
    clock = ManualClock()
    asked: list[float] = []

    class Hanging(MemoryLedger):
        def note(self, decisions: Sequence[Noted]) -> None:
            asked.append(clock.monotonic_s())
            clock.advance_ms(7_000)
            raise LedgerUnavailableError("no answer")

    notes = Notes(Hanging(10), clock)
    begun_s = clock.monotonic_s()
    while clock.monotonic_s() < begun_s + 770:
        notes.note([Noted(key(f"i{clock.now_ms()}"), "a", "t", "emit", "opened", {}, clock.now_ms())])
        notes.write()
        clock.advance_ms(1_000)
    assert len(asked) == 10
    assert notes.trouble == "no answer"


def test_a_ledger_that_is_away_is_reported_stops_nothing_and_loses_nothing_short() -> None:
    ledger = Broken(1_000)
    ground = Ground(settings=Settings(), ledger=ledger)
    ledger.away = True
    ground.world.add([new_item()])
    done = ground.control.step()
    assert done.emitted.sent == 1
    assert done.unnoted == "the ledger is away"
    (beat,) = ground.truth.heartbeats()
    assert beat.body["blind"] == ["the ledger is away"]
    ledger.away = False
    ground.clock.advance_ms(3_000)
    ground.world.add([new_item("i2")])
    assert ground.control.step().unnoted is None
    assert [e.reason for e in ledger.of(key())][:1] == ["opened"], "what was decided meanwhile is there now"


def test_the_repetitions_of_a_large_backlog_push_no_new_decision_out() -> None:
    ledger, clock = Broken(50_000), ManualClock()
    notes = Notes(ledger, clock)
    backlog = [Noted(key(f"i{n}"), "a", f"t{n}", "nothing", "intent_is_live", {}, 0) for n in range(12_000)]
    for begin in (*range(0, 12_000, 1_000), *range(0, 12_000, 1_000)):
        notes.note(backlog[begin : begin + 1_000])
    clock.advance_ms(301_000)  # repetitions are written now
    notes.note([Noted(key("late"), "a", "fresh", "supersede", "truth_without_intent", {}, 0)])
    assert [e.reason for e in ledger.of(key("late"))] == ["truth_without_intent"]
    notes.close()
    assert ledger.counts()["nothing", "intent_is_live"] == 24_000, "and each was counted"
