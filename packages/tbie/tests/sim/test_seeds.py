"""A thousand seeds: every promise holds under every mixture of faults, and every rare path is among them."""

from __future__ import annotations

from functools import cache

import pytest

from tbie.sim.many import Totals, run_range
from tbie.sim.sometimes import never

RANGES = [(start, start + 125) for start in range(0, 1_000, 125)]


@cache
def totals(first: int, last: int) -> Totals:
    """Each range is run once, whoever asks first."""
    return run_range(first, last)


@pytest.mark.parametrize(("first", "last"), RANGES)
def test_everything_holds_under_every_mixture_of_faults(first: int, last: int) -> None:
    done = totals(first, last)
    assert done.failures == [], "again: python -m tbie.sim --seed N --minimise"
    assert done.seeds == last - first


def test_every_rare_path_is_reached_and_every_checker_has_something_to_look_at() -> None:
    together = Totals()
    for first, last in RANGES:
        together.add(totals(first, last))
    assert never(together.sometimes) == []
    assert together.vacuous == []
