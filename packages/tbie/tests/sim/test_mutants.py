"""Every planted defect is caught: a checker that lets one pass is worth nothing."""

from __future__ import annotations

import pytest

from tbie.sim.mutants import MUTANTS, planted
from tbie.sim.run import plan_of, run

SEEDS = 400
"""Among so many seeds, each has to be caught at least once. Most are caught by the first ten."""

CAUGHT_BY = {
    "address_unchecked": 58,
    "cursor_first": 211,
    "error_is_empty": 13,
    "no_fence": 17,
    "pause_drops": 83,
    "poison_for_ever": 66,
    "reset_for_ever": 58,
    "retry_deletes": 26,
    "second_result": 110,
    "several_go_free": 66,
    "silence_unseen": 7,
    "token_ignored": 55,
}
"""A seed that caught it the last time that somebody looked: tried first, and all the others only if it catches it no more."""


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_planted_defect_is_caught(name: str) -> None:
    seeds = [CAUGHT_BY.get(name, 0), *range(SEEDS)]
    with planted(name):
        caught = next((r for r in map(run, map(plan_of, seeds)) if not r.ok), None)
    assert caught is not None, f"{MUTANTS[name].words}: nobody noticed"
    assert caught.checker != "no unexpected error", f"a defect that breaks itself proves nothing: {caught.words}"


def test_a_defect_is_gone_afterwards() -> None:
    with planted("no_sweep"):
        pass
    assert all(run(plan_of(seed)).ok for seed in range(20))
