"""Pauses: the pure circuit breaker, and the breaker in a running system on a clock that the test owns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.outcome import Completed, Outcome, Retry
from tbie.core.settings import Settings
from tbie.execution import Work
from tbie.pause import PAUSE, FailureClass, Pause, read_pause, read_pauses
from tbie.reconciler.pauses import Answer, Window, answered, interval_ms, judge, opened, trips
from tbie.testing.builders import RETENTION_S, World, all_open, chain, key, new_item, new_items, record_of, settle
from tbie.truth import Document, OpenStage, StageRecord, StageState

SETTINGS = Settings(pause_failure_count=3, pause_base_s=10, pause_max_s=60, pause_window_s=60)
OF = FailureClass("t1", "a", "no_network")


def row(name: str, attempts: int = 1, reason: str | None = "no_network", tenant: str = "t1") -> OpenStage:
    return OpenStage(key(name, tenant), "a", "v1", 1, f"tok-{name}", 0, 0, attempts, new_item(name).address, reason)


def record(state: StageState, attempts: int = 1, reason: str | None = None, token: str = "probe") -> StageRecord:
    return StageRecord("a", state, "v1", 1, token, attempts, 0, 0, reason=reason)


# -- the pure part


def test_distinct_items_count_and_old_ones_stop_counting() -> None:
    window = Window(SETTINGS)
    for attempts in (1, 2, 3):
        window.saw(row("same", attempts), 1_000)
    window.saw(row("other"), 30_000)
    assert window.put_off(30_000) == {OF: 2}
    assert window.put_off(61_000) == {OF: 1}
    assert window.put_off(90_001) == {}


def test_an_attempt_that_is_read_again_is_not_a_newer_one() -> None:
    window = Window(SETTINGS)
    window.saw(row("i", 1), 0)
    window.saw(row("i", 1), 50_000)
    assert window.put_off(60_000) == {}


def test_rows_that_were_never_tried_count_for_no_class() -> None:
    window = Window(SETTINGS)
    assert window.saw(row("fresh", 0, None), 0) is None
    assert window.put_off(0) == {}


@pytest.mark.parametrize("reason", ["worker_died", "timed_out"])
def test_items_that_take_their_workers_with_them_are_no_class_or_probes_would_save_them_from_quarantine(
    reason: str,
) -> None:
    window = Window(SETTINGS)
    assert window.saw(row("poison", 2, reason), 0) is None
    assert window.put_off(0) == {}


@pytest.mark.parametrize(
    ("put_off", "completed", "expected"), [(2, 0, False), (3, 0, True), (3, 3, False), (4, 3, True), (100, 100, False)]
)
def test_a_class_trips_when_enough_fail_and_more_than_get_through(put_off: int, completed: int, expected: bool) -> None:
    assert trips(put_off, completed, SETTINGS) is expected


def test_completions_are_counted_over_the_window_not_for_ever() -> None:
    window = Window(SETTINGS)
    assert window.completed(OF, 100, 0) == 0
    assert window.completed(OF, 140, 30_000) == 40
    assert window.completed(OF, 150, 60_000) == 50
    assert window.completed(OF, 151, 120_000) == 1, "what was completed two windows ago is forgotten"


def test_intervals_double_up_to_the_longest() -> None:
    assert [interval_ms(n, SETTINGS) for n in (0, 1, 2, 3, 60)] == [10_000, 20_000, 40_000, 60_000, 60_000]


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        (record(StageState.PENDING, 1), Answer.WAITING),
        (record(StageState.PENDING, 1, "no_network"), Answer.FAILED),  # put off, and it did not count
        (record(StageState.PENDING, 1, "other"), Answer.THROUGH),
        (record(StageState.PENDING, 2, "no_network"), Answer.FAILED),
        (record(StageState.PENDING, 2, "other"), Answer.THROUGH),
        (record(StageState.PENDING, 2, "worker_died"), Answer.WAITING),
        (record(StageState.COMPLETED, 2), Answer.THROUGH),
        (record(StageState.FAILED, 2, "no_network"), Answer.FAILED),
        (record(StageState.FAILED, 2, "decode_error"), Answer.THROUGH),
        (record(StageState.FAILED, 2, "worker_died"), Answer.GONE),
        (record(StageState.PENDING, 1, token="newer"), Answer.GONE),
        (record(StageState.WAITING), Answer.GONE),
        (None, Answer.GONE),
    ],
)
def test_a_probe_is_judged_by_its_row(found: StageRecord | None, answer: Answer) -> None:
    assert judge(Pause(OF, 0, 10_000, 0, "probe", "i1", 1), found) is answer


def test_each_failed_probe_doubles_the_pause_and_one_that_gets_through_ends_it() -> None:
    out = Pause(OF, 0, 10_000, 1, "probe", "i1", 1)
    failed = answered(out, Answer.FAILED, 12_000, SETTINGS)
    assert (failed.trips, failed.until_ms, failed.probe, failed.healed) == (2, 52_000, "", False)
    through = answered(out, Answer.THROUGH, 12_000, SETTINGS)
    assert (through.healed, through.probe) == (True, "")
    assert answered(out, Answer.WAITING, 9_999, SETTINGS) == out
    assert answered(out, Answer.WAITING, 10_000, SETTINGS).until_ms == 30_000
    gone = answered(out, Answer.GONE, 12_000, SETTINGS)
    assert (gone.trips, gone.until_ms, gone.probe) == (1, 12_000, ""), "another probe, at once"


def test_a_pause_survives_being_a_document_and_foreign_documents_are_not_pauses() -> None:
    pause = opened(OF, 7, 2, 5_000, SETTINGS)._replace(probe="p", probe_item="i", probe_attempts=2)
    document = Document(PAUSE, OF.name, 1, pause.body(), 0)
    assert read_pause(document) == pause
    assert read_pause(Document(PAUSE, "x", 1, {"tenant": "t"}, 0)) is None
    assert OF.name != FailureClass("t1", "a", "other").name


# -- the breaker in a system


class Dependency:
    """A handler whose network can be switched off, for one tenant; counts its attempts."""

    def __init__(self, counted: bool = True) -> None:
        self.up, self.counted = False, counted
        self.attempts = 0

    def __call__(self, work: Work) -> Outcome:
        self.attempts += 1
        if work.key.tenant == "t1" and not self.up:
            return Retry("no_network", counted=self.counted)
        return Completed({"a": 1})


class Running:
    """A system with one reconciler and one worker, on a clock that moves a second at a time."""

    def __init__(self, counted: bool = True) -> None:
        workflow, clock, ids = chain("a", max_receives=3), ManualClock(), SequentialIds()
        truth, intent = MemoryTruth(workflow, clock, ids), MemoryIntent(clock, RETENTION_S)
        self.world = World(workflow, truth, intent, clock, ids, settings=SETTINGS)
        self.network = Dependency(counted)
        self.restart()

    def restart(self) -> None:
        """Another reconciler and another worker take over; nothing of the old ones was saved."""
        self.control, self.worker = self.world.reconciler(), self.world.worker("w", self.network)

    def go(self, seconds: int) -> None:
        for _ in range(seconds):
            self.control.step()
            while self.worker.step().claimed:
                self.control.step()
            self.world.clock.advance_ms(1_000)

    @property
    def pause(self) -> Pause | None:
        found = [pause for pause, _ in read_pauses(self.world.truth.documents(PAUSE)).values()]
        return found[0] if found else None

    def states(self) -> set[StageState]:
        return {r.state for item in self.world.truth.items() for r in item.stages.values()}


def paused() -> Running:
    """Twenty items whose network has been away for a while."""
    running = Running()
    running.world.add(new_items(20))
    running.go(3)
    assert running.pause is not None
    return running


def test_a_class_that_fails_is_paused_with_the_numbers_that_showed_it() -> None:
    pause = paused().pause
    assert pause is not None
    assert pause.of == OF
    assert pause.evidence["put_off"] in range(3, 21)
    assert pause.evidence["completed"] == 0


def test_an_outage_of_an_hour_costs_few_attempts_and_fails_nothing() -> None:
    running = paused()
    before = running.network.attempts
    running.go(3_600)
    assert running.states() == {StageState.PENDING}, "no pause exhausts anything"
    assert running.network.attempts - before <= 3_600 // 60 + 10, (
        "one probe for each pause, and the pauses have doubled"
    )


def test_when_the_probe_gets_through_everybody_is_woken_within_one_sweep() -> None:
    running = paused()
    running.go(300)
    assert running.pause is not None
    running.network.up = True
    running.go(61)  # the longest pause
    running.go(int(SETTINGS.sweep_interval_s))
    assert running.states() == {StageState.COMPLETED}
    running.go(int(SETTINGS.sweep_interval_s) + 2)
    assert running.pause is None


def test_other_tenants_and_fresh_items_of_the_same_tenant_go_on() -> None:
    running = paused()
    running.world.add([new_item("other", "t2")])
    running.go(1)
    assert record_of(running.world.truth, key("other", "t2"), "a").state is StageState.COMPLETED
    running.world.add([new_item("late")])
    running.go(1)
    assert record_of(running.world.truth, key("late"), "a").attempts == 1, "tried once: it may fail for another reason"


def test_whoever_takes_over_goes_on_with_the_pause_wherever_it_stands() -> None:
    running = paused()
    for seconds in (1, 9, 11, 21, 40):
        running.go(seconds)
        running.restart()
    running.network.up = True
    for _ in range(20):
        running.go(7)
        running.restart()
    assert running.states() == {StageState.COMPLETED}
    assert running.pause is None


def test_a_pause_whose_rows_are_all_gone_ends() -> None:
    running = paused()
    for row_of in all_open(running.world.truth, running.world.workflow):
        settle(running.world.truth, row_of.key, "a")
    running.go(40)
    assert running.pause is None


def test_a_pause_of_a_stage_that_an_upgrade_took_away_ends_without_a_probe() -> None:
    running = paused()
    running.world.workflow = chain("b")
    running.world.settings = replace(SETTINGS, stream_batch=4, stream_batches=1)
    running.world.truth.save_cursor("reconciler", 0)
    running.restart()  # reads the rows of the old stage again: it was killed before it saved how far it had come
    running.go(60)
    assert running.pause is None


def test_a_worker_that_read_the_pause_before_it_ended_holds_back_nobody() -> None:
    running = paused()
    stale = running.world.worker("stale", running.network)
    stale.step()  # has read that there is a pause
    document = running.world.truth.documents(PAUSE)[0]
    running.network.up = True
    assert running.world.truth.drop_document(document)
    running.world.clock.advance_ms(20_000)
    assert stale.step().held == 0


def test_a_queue_that_is_lost_during_a_pause_comes_back() -> None:
    running = paused()
    running.world.intent.purge()
    running.go(15)
    running.network.up = True
    running.go(100)
    assert running.states() == {StageState.COMPLETED}


def test_what_fails_without_being_counted_is_paused_probed_and_woken_like_any_class() -> None:
    running = Running(counted=False)
    running.world.add(new_items(20))
    running.go(120)
    assert running.pause is not None
    assert running.pause.trips >= 2, "a probe that was put off again is a failed probe"
    assert running.states() == {StageState.PENDING}
    attempts = {record.attempts for item in running.world.truth.items() for record in item.stages.values()}
    assert attempts == {0}
    during = running.network.attempts
    running.go(60)
    assert running.network.attempts - during <= 3, "only the probes try"
    running.network.up = True
    running.go(130)
    assert running.states() == {StageState.COMPLETED}
    assert running.pause is None


def test_an_item_that_is_put_off_again_without_being_counted_is_as_young_as_that() -> None:
    window = Window(SETTINGS)
    away = row("i1", 0, "server_away")._replace(not_before_ms=5_000)
    window.saw(away, 0)
    window.saw(away._replace(not_before_ms=99_000), 50_000)
    assert list(window.put_off(61_000).values()) == [1]
