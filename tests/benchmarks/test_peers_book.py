"""The bookkeeping of the comparison with peers: what never happened has no time, and what was not run has no figures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peers.application import Application
from benchmarks.peers.book import Case, Entry, Result, reading, seconds, spread, table
from benchmarks.peers.scenarios import RUN, SCENARIOS
from benchmarks.peers.service import descendants
from benchmarks.peers.systems.__main__ import SYSTEMS, load


def killed(after_s: float | None, *, done: bool = True) -> Result:
    return {"rerun": after_s is not None, "after_s": after_s, "done": done and after_s is not None, "attempts": 2}


def flushed(recovered: int, last_done_s: float | None, repeated: int = 0) -> Result:
    return {
        "jobs": 10,
        "recovered": recovered,
        "last_done_s": last_done_s,
        "again_at_work_s": 1.0,
        "repeated": repeated,
        "destroyed": 8,
    }


def woken(effects: int, guarded: int | None, *, redelivered: bool = True, result_of: str | None = None) -> Result:
    words = {"zombie": "finished", "state": "succeeded", "result_of": result_of}
    return {**words, "redelivered": redelivered, "after_s": 12.0, "effects": effects, "guarded": guarded}


def read(scenario: str, *results: Result, troubles: tuple[str, ...] = ()) -> str:
    return reading(Entry(Case(scenario, "huey", "default"), results, troubles))


def test_a_time_is_the_median_of_the_runs_in_which_it_happened() -> None:
    assert seconds([killed(1.0), killed(9.0), killed(2.0), killed(None)], "after_s") == "2.0 s (1.0–9.0, n = 3)"
    assert seconds([killed(None)], "after_s") == "never"


def test_a_job_that_never_ran_again_has_no_time() -> None:
    assert read("kill-process", killed(None), killed(None)) == "not run again (n = 2)"


def test_a_miss_among_hits_is_said() -> None:
    words = read("kill-service", killed(3.0), killed(None), killed(4.0, done=False))
    assert words == "after 3.5 s (3.0–4.0, n = 2); not run again in 1 of 3; not finished in 1"


def test_only_a_whole_recovery_has_a_duration() -> None:
    assert read("flush", flushed(2, 0.1), flushed(4, 0.1)) == "2–4 of 10 (n = 2)"
    assert (
        read("flush", flushed(10, 5.0), flushed(2, 0.1))
        == "2–10 of 10: work went on after 1.0 s (n = 1), all done after 5.0 s (n = 1)"
    )


def test_jobs_that_ran_twice_after_a_flush_are_said() -> None:
    assert read("flush", flushed(10, 5.0, repeated=3)).endswith("all done after 5.0 s (n = 1); 3 of them twice")


def test_an_effect_without_a_fence_is_not_an_effect_that_a_fence_counted() -> None:
    assert "effect left 2 ×, no fence" in read("zombie", woken(2, None))
    words = read("zombie", woken(2, 1, result_of="the other"))
    assert "effect left 2 ×, by its fence 1 ×" in words
    assert words.endswith("result of the other")


def test_a_job_that_was_never_redelivered_has_no_zombie() -> None:
    assert read("zombie", woken(1, None, redelivered=False)).startswith("never redelivered")


def test_a_case_that_could_not_run_says_why_instead_of_a_figure() -> None:
    assert read("flush", troubles=("redis not found here\nmore",)) == "not run: redis not found here"
    assert read("flush", flushed(2, 0.1), troubles=("died",)) == "2 of 10 (n = 1); 1 runs failed"


def test_unknown_is_not_zero() -> None:
    assert spread([None]) == "unknown"
    assert spread([0, 3]) == "0–3"


def test_a_table_has_a_row_for_each_case_and_a_head_for_each_scenario_that_was_run() -> None:
    entries = [Entry(Case("flush", "huey", "default"), (flushed(2, 0.1),))]
    text = table(entries, {"huey": "Huey"}, {"flush": "Flushed", "zombie": "Woken"})
    assert "| Huey | default | 2 of 10 (n = 1) |" in text
    assert "Woken" not in text


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_takes_part_in_every_scenario_and_describes_the_settings_it_is_run_with(name: str) -> None:
    kind = load(name)
    assert sorted(kind.cases) == sorted(SCENARIOS) == sorted(RUN)
    assert {setting for settings in kind.cases.values() for setting in settings} == set(kind.settings)
    assert kind.destroyed


def test_the_application_counts_each_effect_and_says_done_once(tmp_path: Path) -> None:
    application = Application(tmp_path)
    application.make(jobs=2)
    application.open_gate()
    application.perform(1, hold_all=False)
    (first,) = application.done_times()
    application.perform(1, hold_all=False)
    assert application.effects(1) == [os.getpid(), os.getpid()]
    assert application.effects(0) == []
    assert application.done_times() == [first]
    assert [attempt.job for attempt in application.attempts()] == [1, 1]


def test_only_the_first_attempt_is_held_unless_all_are(tmp_path: Path) -> None:
    body = (
        "import sys, pathlib; from benchmarks.peers.application import Application as A; A(pathlib.Path(sys.argv[1]))"
    )
    application = Application(tmp_path)
    application.make(jobs=1)
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", f"{body}.perform(0, hold_all=False)", str(tmp_path)]
    with subprocess.Popen(command, cwd=root) as held:
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                held.wait(1.0)
            assert held.pid in descendants(os.getpid())
            assert len(application.attempts()) == 1
            application.perform(0, hold_all=False)  # the second attempt goes straight through
            assert application.effects(0) == [os.getpid()]
            application.open_gate()
            assert held.wait(30) == 0
        finally:
            held.kill()
    assert application.effects(0) == [os.getpid(), held.pid]
