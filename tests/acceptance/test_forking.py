"""A command that was forked is a command that was started: the tests beside this one rest on it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import forking
import pytest
from product import DONE, QUICK, USAGE, Product, pictures

pytestmark = pytest.mark.skipif(not forking.possible(), reason="commands are not forked on this machine")


def both(tmp_path: Path) -> tuple[Product, Product]:
    """One home, its commands forked and started."""
    return Product(tmp_path), Product(tmp_path, forks=False)


def test_it_says_what_a_started_one_says_and_ends_as_it_does(tmp_path: Path) -> None:
    forked, started = both(tmp_path)
    pictures(forked.shoot, 1)
    forked.run("ingest", forked.shoot)
    for arguments, code in ((("images", "--json"), DONE), (("images", "--no-such-option"), USAGE)):
        assert forked.run(*arguments, code=code) == started.run(*arguments, code=code)


def test_nothing_of_a_command_is_left_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forked, _ = both(tmp_path)
    pictures(forked.shoot, 1)
    said = forked.run("ingest", forked.shoot, code=USAGE, settings={**QUICK, "sweep_interval_s": -1})
    assert "sweep_interval_s" in said.err
    monkeypatch.chdir(tmp_path)
    forked.run("ingest", "shoot")
    assert len(forked.images()) == 1


def test_a_signal_ends_it_and_a_wait_that_is_too_short_says_so(tmp_path: Path) -> None:
    forked, _ = both(tmp_path)
    run = forked.start("worker")
    assert isinstance(run.process, forking.Forked)
    run.process.kill()
    assert run.process.wait(10) == -signal.SIGKILL
    assert run.process.poll() == -signal.SIGKILL
    run.close()


def test_what_python_reads_as_it_starts_has_a_process_that_starts(tmp_path: Path) -> None:
    forked, _ = both(tmp_path)
    run = forked.start("--version", environment={"PYTHONHASHSEED": "1"})
    assert not isinstance(run.process, forking.Forked)
    run.finish()
    assert forking.shared().fits({**os.environ, "PARJANYA_WORKERS": "1"})
    assert not forking.shared().fits({**os.environ, "LC_ALL": "C"})
