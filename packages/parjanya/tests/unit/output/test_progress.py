"""Progress says what is known, where it belongs, and not too often."""

from __future__ import annotations

import io

import pytest

from parjanya.cli.progress import duration, progress
from tbie.core.clock import ManualClock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_for_each_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, log = ManualClock(), io.StringIO()
    with progress(1000, log, clock) as display:
        for done in range(1, 1001):
            clock.advance_ms(10)
            display.update(done=done)
    lines = log.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("100 of 1000 images (10 %) · 100/s · 9 s left")
    assert lines[-1] == "1000 of 1000 images (100 %) · 100/s"


def test_a_slow_run_gets_a_line_every_few_seconds() -> None:
    clock, log = ManualClock(), io.StringIO()
    with progress(10_000, log, clock) as display:
        for done in range(1, 61):
            clock.advance_ms(500)
            display.update(done=done, keep=done, failed=0)
    lines = log.getvalue().splitlines()
    assert len(lines) == 6
    assert "2.0/s" in lines[-1]
    assert lines[-1].endswith("keep 60 · failed 0")


def test_silence_when_nothing_moves() -> None:
    clock, log = ManualClock(), io.StringIO()
    with progress(10, log, clock) as display:
        for _ in range(100):
            clock.advance_ms(1000)
            display.update(done=0)
    assert log.getvalue() == ""


def test_an_unknown_total_and_an_unknown_rate_are_not_shown_as_zero() -> None:
    log = io.StringIO()
    with progress(None, log, ManualClock()) as display:
        display.update(done=7)
    assert log.getvalue() == "7 images\n"


def test_the_rate_follows_the_last_seconds_not_the_whole_run() -> None:
    clock, log = ManualClock(), io.StringIO()
    with progress(10_000, log, clock) as display:
        for done in range(0, 1001, 10):  # fast: a thousand from the cache
            clock.advance_ms(10)
            display.update(done=done)
        for done in range(1001, 1041):  # then one a second
            clock.advance_ms(1000)
            display.update(done=done)
    assert " 1.0/s " in log.getvalue().splitlines()[-1]


def test_a_terminal_gets_a_bar_with_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    clock, screen = ManualClock(), Terminal()
    with progress(20, screen, clock) as display:
        clock.advance_ms(2000)
        display.update(done=10, keep=6, review=2, reject=1, failed=1)
    shown = screen.getvalue()
    assert "10/20" in shown
    assert "5.0/s · 2 s left · keep 6 · review 2 · reject 1 · failed 1" in shown
    assert "\x1b[" in shown


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    screen = Terminal()
    with progress(2, screen, ManualClock()) as display:
        display.update(done=2)
    assert screen.getvalue() == "2 of 2 images (100 %)\n"


def test_an_interrupted_run_still_says_how_far_it_came() -> None:
    clock, log = ManualClock(), io.StringIO()
    display = progress(100, log, clock)
    display.__enter__()
    clock.advance_ms(1000)
    display.update(done=3)
    display.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert log.getvalue().startswith("3 of 100 images")


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text
