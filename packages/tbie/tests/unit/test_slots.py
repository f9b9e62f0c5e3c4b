"""What a worker notes of the items in its hands: several at once, as far as there is room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tbie.backends.sqlite.slot import SUSPECTS, Slot, read_slot
from tbie.core.clock import ManualClock
from tbie.core.ids import RandomIds
from tbie.core.keys import ItemKey
from tbie.execution import Suspect


@pytest.fixture
def slot(tmp_path: Path) -> Iterator[Slot]:
    slot = Slot(tmp_path, "w", ManualClock())
    yield slot
    slot.close()


def some(count: int, token: str = "") -> list[Suspect]:
    ids = RandomIds()
    return [Suspect(ItemKey("t", f"i{n}"), f"{ids.token()}{token}") for n in range(count)]


@pytest.mark.parametrize("count", [1, 2, SUSPECTS])
def test_everything_in_hand_is_named(slot: Slot, count: int) -> None:
    suspects = some(count)
    slot.begin("see", suspects, 60.0)
    doing = read_slot(slot.path)
    assert doing is not None
    assert (doing.stage, doing.item, doing.unnamed, doing.items) == ("see", ItemKey("t", "i0"), 0, count)
    assert doing.tokens == tuple(suspect.token for suspect in suspects)


@pytest.mark.parametrize(
    ("count", "longer", "named"), [(SUSPECTS + 1, 0, SUSPECTS), (500, 0, SUSPECTS), (10, 500, 4), (3, 4_000, 1)]
)
def test_what_there_is_no_room_for_is_counted(slot: Slot, count: int, longer: int, named: int) -> None:
    suspects = some(count, "x" * longer)
    slot.begin("see", suspects, 60.0)
    doing = read_slot(slot.path)
    assert doing is not None
    assert doing.tokens == tuple(suspect.token for suspect in suspects[:named])
    assert (doing.unnamed, doing.items) == (count - named, count)


def test_nothing_in_hand_is_nothing_noted(slot: Slot) -> None:
    slot.begin("see", some(3), 60.0)
    slot.begin("see", [], 60.0)
    assert read_slot(slot.path) is None


def test_a_shorter_note_leaves_nothing_of_a_longer_one(slot: Slot) -> None:
    slot.begin("see", some(40), 60.0)
    (one,) = some(1)
    slot.begin("see", [one], 60.0)
    doing = read_slot(slot.path)
    assert doing is not None
    assert (doing.tokens, doing.items) == ((one.token,), 1)


def test_what_a_worker_of_an_older_program_noted_is_understood(slot: Slot) -> None:
    slot.begin("see", [Suspect(ItemKey("t", "i"), "tok")], 60.0)
    text = slot.path.read_bytes()
    assert b"see\ntok\nt\ni" in text, "one item, as it always was"
