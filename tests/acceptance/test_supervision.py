"""The supervisor when the stores are away, and the slots it reads while workers write them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tbie.backends.sqlite.execution import Death, ProcessFleet
from tbie.backends.sqlite.slot import Slot, read_slot
from tbie.core.clock import SystemClock
from tbie.core.errors import TruthUnavailableError
from tbie.core.ids import RandomIds
from tbie.core.keys import ItemKey
from tbie.execution import Suspect


def test_a_death_that_cannot_be_recorded_is_recorded_when_truth_is_back(tmp_path: Path) -> None:
    away = True
    buried: list[Death] = []

    def bury(death: Death) -> None:
        if away:
            raise TruthUnavailableError("away")
        buried.append(death)

    crash = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    fleet = ProcessFleet(tmp_path, lambda _pool, _owner: crash, bury, SystemClock(), RandomIds())
    fleet.set_desired("images", 1)
    fleet.supervise()
    fleet.set_desired("images", 0)
    assert fleet.wait(10)  # supervises: the store that is away must not end the engine
    assert buried == []
    away = False
    fleet.supervise()
    fleet.supervise()
    assert [death.reason for death in buried] == ["worker_died"]


def test_a_slot_never_shows_half_of_one_entry_and_half_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of two entries would name the wrong item, or carry a deadline of long ago and end a healthy worker."""
    slot = Slot(tmp_path, "worker", SystemClock())
    entries = []
    for size in (3, 200):
        slot.begin("s" * size, (Suspect(ItemKey("t" * size, "i" * size), "k" * size),), 60.0)
        entries.append(slot.path.read_bytes())
    short, long = entries
    for cut in range(1, len(long)):
        reads = iter([short[:cut] + long[cut:], long])  # the writer was overtaken in the middle
        with monkeypatch.context() as patched:
            patched.setattr(Path, "read_bytes", lambda _, reads=reads: next(reads))
            doing = read_slot(slot.path)
        assert doing is None or len(doing.item.item) in (3, 200)
        assert doing is None or (len(doing.stage), len(doing.tokens[0])) == (len(doing.item.item),) * 2
    slot.close()


def test_a_worker_started_by_hand_that_died_is_buried_and_charged_but_an_earlier_life_is_not(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from tbie.backends.sqlite.slot import Slot; from tbie.core.clock import SystemClock\n"
        "from tbie.core.keys import ItemKey; from tbie.execution import Suspect\n"
        "slot = Slot(Path(sys.argv[1]), 'by-hand', SystemClock())\n"
        "slot.begin('technical', (Suspect(ItemKey('t', 'i'), 'tok'),), 60.0)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    buried: list[Death] = []
    fleet = ProcessFleet(tmp_path, lambda _pool, _owner: [], buried.append, SystemClock(), RandomIds())
    for charge, reason in ((False, "interrupted"), (True, "worker_died")):
        subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
        assert fleet.recover(charge) == 1
        assert fleet.recover(charge) == 0
        death = buried.pop()
        assert (death.owner, death.reason) == ("by-hand", reason)
        assert (death.doing is not None and death.doing.tokens == ("tok",)) is charge


def test_a_worker_that_lives_is_not_buried(tmp_path: Path) -> None:
    slot = Slot(tmp_path, "alive", SystemClock())
    slot.begin("technical", (Suspect(ItemKey("t", "i"), "tok"),), 60.0)
    buried: list[Death] = []
    fleet = ProcessFleet(tmp_path, lambda _pool, _owner: [], buried.append, SystemClock(), RandomIds())
    assert fleet.recover(charge=True) == 0
    assert buried == []
    slot.close()
