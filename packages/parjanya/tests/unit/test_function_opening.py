"""What a function keeps open while Truth is away."""

from __future__ import annotations

from typing import cast

from parjanya.functions.opening import LOOK_S, Opening
from parjanya.profiles.function_stores import Stores
from tbie.core.clock import ManualClock
from tbie.core.errors import TruthUnavailableError


class _Open:
    """As much of ``Stores`` as an opening looks at."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.answer, self.closed = clock, True, False
        self.away = False

    def fits(self) -> bool:
        if self.away:
            raise TruthUnavailableError("away")
        return self.answer

    def close(self) -> None:
        self.closed = True


def test_truth_being_away_does_not_say_that_what_is_open_no_longer_fits() -> None:
    clock, made = ManualClock(), list[_Open]()

    def open_() -> Stores:
        made.append(_Open(clock))
        return cast("Stores", made[-1])

    opened = Opening(open_)
    first = opened()
    made[0].away = True
    clock.advance_ms(int(LOOK_S * 1000))
    assert opened() is first
    made[0].away, made[0].answer = False, False
    clock.advance_ms(int(LOOK_S * 1000))
    assert opened() is not first
    assert (len(made), made[0].closed) == (2, True)
