"""The fleet of processes, without processes: what it does when the machine refuses, and what it clears away."""

from __future__ import annotations

from pathlib import Path

from tbie.backends.sqlite.execution import ProcessFleet
from tbie.core.clock import ManualClock
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
