"""Processes that die over items before they have begun with any: not for ever, and at first nobody is blamed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from packages.tbie.tests.unit.flows.ground import Answers, Flows, in_order
from tbie.backends.sqlite.execution import UNBEGUN_DEATHS, Death, ProcessFleet
from tbie.backends.sqlite.slot import UNBEGUN_S, Slot, read_slot
from tbie.core.clock import ManualClock, SystemClock
from tbie.core.ids import SequentialIds
from tbie.core.keys import ItemKey
from tbie.core.reading import Known
from tbie.execution import Begin, Suspect, Work
from tbie.testing.builders import echo

PROGRAM = """
import os, signal, sys
from pathlib import Path
from tbie.backends.sqlite.slot import Slot
from tbie.core.clock import SystemClock
from tbie.core.keys import ItemKey
from tbie.execution import Suspect
slot = Slot(Path(sys.argv[1]), sys.argv[2], SystemClock())
getattr(slot, sys.argv[3])("see", [Suspect(ItemKey("t1", f"i{n}"), f"k{n}") for n in range(3)], *map(float, sys.argv[4:]))
"""
DIES, HANGS = PROGRAM + "os._exit(9)", PROGRAM + "signal.pause()"


class Deadly:
    """A fleet of one process that dies as soon as it has noted something."""

    def __init__(self, folder: Path, program: str = DIES) -> None:
        self.clock = ManualClock(int(SystemClock().monotonic_s() * 1000))  # deadlines are on the machine's clock
        self.buried = list[Death]()
        self.notes = ["prepare"]
        self.fleet = ProcessFleet(
            folder,
            lambda _pool, owner: [sys.executable, "-c", program, str(folder), owner, *self.notes],
            self.buried.append,
            self.clock,
            SequentialIds(),
        )

    def die(self) -> Death:
        """One more life."""
        self.clock.advance_ms(60_000)
        self.fleet.set_desired("p", 1)
        self.fleet.supervise()
        (process,) = self.fleet._pools["p"].processes
        assert process.popen.wait(30.0) == 9
        self.fleet.set_desired("p", 0)
        self.fleet.supervise()
        return self.buried[-1]


def test_deaths_before_anything_began_blame_nobody_until_there_are_too_many_of_them(tmp_path: Path) -> None:
    deadly = Deadly(tmp_path)
    charged = [deadly.die().suspects for _ in range(UNBEGUN_DEATHS + 1)]
    assert charged == [()] * (UNBEGUN_DEATHS - 1) + [("k0", "k1", "k2")] * 2


def test_such_deaths_slow_the_pool_down_and_show_as_a_crash_loop(tmp_path: Path) -> None:
    deadly = Deadly(tmp_path)
    deadly.die()
    view = deadly.fleet.view("p")
    assert isinstance(view, Known)
    assert (view.value.running, view.value.boot_failures) == (0, 1)


def test_a_death_over_something_that_had_begun_charges_at_once_and_begins_the_count_anew(tmp_path: Path) -> None:
    deadly = Deadly(tmp_path)
    for _ in range(UNBEGUN_DEATHS - 1):
        deadly.die()
    deadly.notes = ["begin", "5"]
    assert deadly.die().suspects == ("k0", "k1", "k2")
    deadly.notes = ["prepare"]
    assert deadly.die().suspects == ()


def test_a_process_that_neither_begins_nor_ends_is_ended_but_not_soon(tmp_path: Path) -> None:
    deadly = Deadly(tmp_path, HANGS)
    deadly.fleet.set_desired("p", 1)
    deadly.fleet.supervise()
    (process,) = deadly.fleet._pools["p"].processes
    for _ in range(600):
        if read_slot(process.slot, prepared=True) is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.popen.wait(0.05)
    deadly.fleet.supervise()
    assert process.popen.poll() is None
    deadly.clock.advance_ms(int(UNBEGUN_S * 1000) + 600_000)
    deadly.fleet.set_desired("p", 0)
    deadly.fleet.supervise()
    assert process.popen.wait(30.0) == -9
    deadly.fleet.supervise()
    assert [(death.reason, death.suspects) for death in deadly.buried] == [("timed_out", ())]


def test_what_is_prepared_is_given_long_and_does_not_count_as_begun(tmp_path: Path) -> None:
    clock = ManualClock()
    slot = Slot(tmp_path, "w1", clock)
    slot.prepare("see", [Suspect(ItemKey("t1", "i1"), "k1"), Suspect(ItemKey("t1", "i2"), "k2")])
    assert read_slot(slot.path) is None
    prepared = read_slot(slot.path, prepared=True)
    assert prepared is not None
    assert (prepared.tokens, prepared.begun, prepared.deadline_s) == (
        ("k1", "k2"),
        False,
        clock.monotonic_s() + UNBEGUN_S,
    )
    slot.begin("see", [Suspect(ItemKey("t1", "i2"), "k2")], 5.0)
    begun = read_slot(slot.path, prepared=True)
    assert begun is not None
    assert (begun.tokens, begun.begun) == (("k2",), True)
    slot.close()


def test_a_flow_is_noted_before_its_handler_is_called_and_whenever_nothing_has_begun() -> None:
    flows = Flows(2)
    seen: list[tuple[str, ...] | None] = []

    def watched(works: Sequence[Work], begin: Begin) -> Answers:
        seen.append(flows.progress.prepared)
        begin([0])
        seen.append(flows.progress.prepared)
        yield 0, echo(works[0])
        seen.append(flows.progress.prepared)
        begin([1])
        yield 1, echo(works[1])
        seen.append(flows.progress.prepared)

    flows.worker(watched).step()
    assert seen == [("i0001", "i0002"), None, ("i0002",), None]
    flows.worker(in_order).step()
    assert flows.progress.prepared is None
