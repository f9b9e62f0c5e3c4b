"""The fleet of processes, without processes: what it does when the machine refuses, and what it clears away."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tbie.backends.sqlite.execution import Death, ProcessFleet
from tbie.core.clock import ManualClock, SystemClock
from tbie.core.errors import IntentUnavailableError
from tbie.core.ids import SequentialIds


def fleet_in(folder: Path, clock: ManualClock) -> ProcessFleet:
    def command(_pool: str, _owner: str) -> list[str]:
        return [str(folder / "no-such-program")]

    return ProcessFleet(folder, command, lambda _: None, clock, SequentialIds())


def test_a_machine_that_refuses_to_start_workers_is_asked_again_later_and_nobody_dies_of_it(tmp_path: Path) -> None:
    clock = ManualClock()
    fleet = fleet_in(tmp_path, clock)
    fleet.set_desired("p", 2)

    fleet.supervise()
    fleet.supervise()

    assert fleet.boot_failures == 1
    assert fleet.last_boot_error is not None
    assert "no-such-program" in fleet.last_boot_error
    clock.advance_ms(1_000)
    fleet.supervise()
    assert fleet.boot_failures == 2
    assert not list(tmp_path.iterdir())


def test_logs_of_workers_whose_engine_was_killed_are_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "images-1.log").write_text("left")

    fleet_in(tmp_path, ManualClock()).recover()

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("charge", [False, True])
def test_a_store_that_is_away_when_a_strangers_worker_has_died_ends_nobody_and_the_next_look_buries_it(
    tmp_path: Path, charge: bool
) -> None:
    (tmp_path / "images-7.slot").write_bytes(b"\0" * 64)  # nobody holds its lock: it was killed
    buried: list[str] = []

    def bury(death: Death) -> None:
        if not away:
            buried.append(death.owner)
            return
        raise IntentUnavailableError("the queue is locked")

    fleet = ProcessFleet(tmp_path, lambda _p, _o: [], bury, ManualClock(), SequentialIds())
    away = True
    assert fleet.recover(charge) == 0
    away = False
    assert fleet.recover(charge) == 1
    assert buried == ["images-7"]


def test_a_worker_is_started_in_the_environment_of_its_pool(tmp_path: Path) -> None:
    def command(pool: str, owner: str) -> list[str]:
        told = f"import os, pathlib; pathlib.Path({str(tmp_path)!r}, {pool!r}).write_text(repr(sorted(os.environ)))"
        return [sys.executable, "-I", "-c", told]

    fleet = ProcessFleet(
        tmp_path / "run", command, lambda _: None, SystemClock(), SequentialIds(),
        environment=lambda pool: {"ONLY": "this"} if pool == "narrow" else None,
    )  # fmt: skip
    for pool in ("narrow", "wide"):
        fleet.set_desired(pool, 1)
    fleet.supervise()
    for pool in ("narrow", "wide"):
        fleet.set_desired(pool, 0)  # who has left is not replaced
    assert fleet.wait(30)
    assert "HOME" not in (tmp_path / "narrow").read_text()
    assert "ONLY" in (tmp_path / "narrow").read_text()
    assert "PATH" in (tmp_path / "wide").read_text()
