"""Stream and sweep together: neither waits for the other, in terms of passes; what is noted of it, and how often."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.ledger import MemoryLedger
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import IntentUnavailableError, LedgerUnavailableError
from tbie.core.ids import SequentialIds
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.core.reading import Known
from tbie.core.settings import Settings
from tbie.execution import Work
from tbie.intent import Claim, Envelope
from tbie.reconciler.ledger import Ledger, Noted
from tbie.reconciler.loop import Pass, Reconciler
from tbie.reconciler.resets import decide_reset
from tbie.testing.builders import (
    RETENTION_S,
    World,
    chain,
    everywhere,
    gallery,
    item_of,
    key,
    new_item,
    new_items,
    record_of,
    settle,
)
from tbie.truth import FailedStage, Reset, StageState
from tbie.workflow import Workflow

SMALL = Settings(stream_batch=10, stream_batches=2, sweep_page=10, sweep_share_pages=2, express_lane_items=5)
FLOOD = 500


class Recording(MemoryIntent):
    """Remembers what was sent, in order; may be away."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock, RETENTION_S)
        self.sent: list[Envelope] = []
        self.away = 0

    def send(self, envelopes: Sequence[Envelope]) -> int:
        if self.away:
            self.away -= 1
            raise IntentUnavailableError("the queue is away")
        self.sent += envelopes
        return super().send(envelopes)


class Ground:
    """Stores, a clock, and a reconciler over them."""

    def __init__(
        self, workflow: Workflow | None = None, settings: Settings = SMALL, ledger: Ledger | None = None
    ) -> None:
        self.workflow, self.clock, self.settings = workflow or chain("a"), ManualClock(), settings
        ids = SequentialIds()
        self.truth, self.intent = MemoryTruth(self.workflow, self.clock, ids), Recording(self.clock)
        self.world = World(self.workflow, self.truth, self.intent, self.clock, ids, settings)
        self.ledger = ledger
        self.control = self.another()

    def another(self) -> Reconciler:
        stores = (self.workflow, self.truth, self.intent, everywhere, self.clock, self.settings)
        return Reconciler(*stores, ledger=self.ledger)

    def until_swept(self, most: int = 500) -> tuple[int, Pass]:
        """Passes until a sweep has finished."""
        for count in range(1, most):
            done = self.control.step()
            if done.swept is not None:
                return count, done
        raise AssertionError(f"no sweep finished in {most} passes")

    def live(self, stage: str = "a") -> int:
        depth = self.intent.depth(stage)
        assert isinstance(depth, Known)
        return depth.value.live


# -- neither starves


def test_one_tenants_flood_does_not_keep_another_tenants_first_item_from_the_queue() -> None:
    ground = Ground()
    ground.control.step(force_sweep=True)
    ground.world.add(new_items(FLOOD, "flood"))
    ground.world.add([new_item("first", "other")])
    done = ground.control.step()
    assert done.more, "the flood is not read yet"
    place = [envelope.key for envelope in ground.intent.sent].index(key("first", "other"))
    assert place < SMALL.stream_batch + SMALL.express_lane_items
    (message,) = ground.intent.exchange((), (Claim("a", "w", 1, 60.0, 3),))
    assert message.envelope.key.tenant == "flood"
    (message,) = ground.intent.exchange((), (Claim("a", "w", 1, 60.0, 3),))
    assert message.envelope.key == key("first", "other"), "tenants take turns, so it is the second of all"


def test_what_went_by_the_express_lane_is_not_sent_twice_as_another_intent() -> None:
    ground = Ground()
    ground.world.add(new_items(FLOOD, "flood"))
    ground.world.add([new_item("first", "other")])
    while ground.control.step().more:
        pass
    assert ground.live() == FLOOD + 1
    assert record_of(ground.truth, key("first", "other"), "a").token in {e.token for e in ground.intent.sent}


def test_a_busy_stream_does_not_starve_the_sweep() -> None:
    ground = Ground(chain("a", "b"))
    ground.world.add(new_items(30))
    while ground.control.step().more:
        pass
    ground.clock.advance_ms(60_000)
    ground.intent.purge()
    for number in range(200):  # every pass finds more changes than it may read
        ground.world.add(new_items(60, f"flood{number}"))
        done = ground.control.step()
        assert done.more
        if done.swept is not None:
            break
    else:
        raise AssertionError("the sweep never finished")
    lost = {item.key for item in ground.truth.items("t1")}
    assert lost <= {e.key for e in ground.intent.sent[60:]}, "everything that was lost was sent again"


def test_a_long_sweep_does_not_keep_the_stream_waiting() -> None:
    ground = Ground()
    ground.world.add(new_items(FLOOD))
    while ground.control.step().more:
        pass
    ground.clock.advance_ms(11_000)
    begun = ground.control.step()
    assert (begun.swept, begun.more) == (None, True)
    ground.world.add([new_item("now", "other")])
    assert ground.control.step().emitted.sent == 1
    passes, _ = ground.until_swept()
    share = SMALL.sweep_page * SMALL.sweep_share_pages
    assert passes <= FLOOD // share + 1


def test_a_queue_that_is_away_for_a_moment_costs_a_page_and_not_the_sweep() -> None:
    ground = Ground()
    ground.world.add(new_items(FLOOD))
    while ground.control.step().more:
        pass
    ground.intent.purge()
    ground.clock.advance_ms(11_000)
    blind, passes = 0, 0
    while True:
        passes += 1
        ground.intent.away = passes % 2  # every other pass
        done = ground.control.step()
        ground.intent.away = 0
        blind += bool(done.blind)
        if done.swept is not None:
            break
        assert passes < 200
    assert blind > 5
    assert ground.live() == FLOOD


def test_rows_that_the_stream_has_not_reached_are_sent_as_they_are_and_not_begun_anew() -> None:
    ground = Ground()
    ground.control.step(force_sweep=True)
    ground.world.add(new_items(FLOOD))
    seq = ground.truth.last_seq()
    ground.clock.advance_ms(11_000)
    _, done = ground.until_swept()
    assert done.swept is not None
    assert done.swept.emitted.superseded == 0
    assert ground.truth.last_seq() == seq, "no row was changed"
    assert ground.live() == FLOOD


# -- what a sweep says


def test_coverage_is_what_was_missing_before_it_was_repaired() -> None:
    ground = Ground(chain("a", "b"), Settings())
    ground.world.add(new_items(5))
    ground.control.step()
    ground.clock.advance_ms(7_000)
    (message,) = ground.intent.exchange((), (Claim("a", "thief", 1, 60.0, 9),))
    ground.intent.purge()
    ground.intent.send([message.envelope])
    ground.control.step(force_sweep=True)
    (beat,) = ground.truth.heartbeats()
    assert beat.body["coverage"] == {
        "a": {"open": 5, "gap": 4, "oldest_ms": 7_000},
        "b": {"open": 0, "gap": 0, "oldest_ms": None},
    }
    assert beat.body["coverage_at_ms"] == ground.clock.now_ms()
    ground.control.step(force_sweep=True)
    (beat,) = ground.truth.heartbeats()
    assert beat.body["coverage"]["a"] == {"open": 5, "gap": 0, "oldest_ms": None}  # type: ignore[index]


def test_a_tenant_that_appears_in_a_running_system_is_reconciled_by_stream_and_by_sweep() -> None:
    ground = Ground(settings=Settings())
    ground.control.step(force_sweep=True)
    ground.world.add([new_item("i1", "newcomer")])
    assert ground.control.step().emitted.sent == 1, "by the stream"
    ground.world.add([new_item("i2", "latecomer")])
    ground.truth.save_cursor("reconciler", ground.truth.last_seq())  # a gap: the stream is past it
    ground.control = ground.another()
    assert ground.control.step(force_sweep=True, grace_s=0.0).emitted.sent == 1, "by the sweep"
    assert {e.key.tenant for e in ground.intent.sent} == {"newcomer", "latecomer"}


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
