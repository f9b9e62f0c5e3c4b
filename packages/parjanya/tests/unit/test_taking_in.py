"""Two who take in one name at the same time: the newer upload counts, whoever is faster."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from parjanya.catalog.items import Ingested, take_in
from parjanya.workflow import image_workflow
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import TruthUnavailableError
from tbie.core.ids import SequentialIds
from tbie.core.keys import Address, ItemKey
from tbie.truth import Command, Document, NewItem, Result

KEY = ItemKey("t1", "i1")


def upload(name: str, at_ms: int) -> NewItem:
    return NewItem(KEY, Address("uploads", name), {"path": "a.jpg", "uploaded_ms": at_ms})


class Raced(MemoryTruth):
    """Somebody else commits between each look and the commit that follows from it."""

    def __init__(self) -> None:
        super().__init__(image_workflow(), ManualClock(), SequentialIds())
        self.meanwhile: list[Callable[[], object]] = []

    def commit(self, commands: Sequence[Command], fence: Document | None = None) -> list[Result]:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return super().commit(commands, fence)


@pytest.fixture
def truth() -> Raced:
    raced = Raced()
    take_in(raced, raced.workflow, [upload("first", 1)], "test", Ingested())
    return raced


def address(truth: Raced) -> str:
    (item,) = truth.get([KEY])
    assert item is not None
    return item.address.key


def test_the_older_of_two_uploads_does_not_take_the_place_of_the_newer_although_it_looked_before_that_came(
    truth: Raced,
) -> None:
    truth.meanwhile.append(lambda: take_in(truth, truth.workflow, [upload("newer", 3)], "other", Ingested()))
    done = Ingested()
    take_in(truth, truth.workflow, [upload("older", 2)], "test", done)
    assert address(truth) == "newer"
    assert (done.changed, done.known) == (0, 1)


def test_the_newer_of_two_uploads_counts_also_if_the_older_came_in_between(truth: Raced) -> None:
    truth.meanwhile.append(lambda: take_in(truth, truth.workflow, [upload("older", 2)], "other", Ingested()))
    done = Ingested()
    take_in(truth, truth.workflow, [upload("newer", 3)], "test", done)
    assert address(truth) == "newer"
    assert (done.changed, done.known) == (1, 0)


def test_an_item_that_is_replaced_again_and_again_is_an_error_and_no_silence(truth: Raced) -> None:
    def another(number: int) -> Callable[[], object]:
        return lambda: take_in(truth, truth.workflow, [upload(f"u{number}", 2 + number)], "other", Ingested())

    truth.meanwhile += [each for n in range(20) for each in (another(n), lambda: None)]
    with pytest.raises(TruthUnavailableError, match="was replaced"):
        take_in(truth, truth.workflow, [upload("never", 100)], "test", Ingested())
