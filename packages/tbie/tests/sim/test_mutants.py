"""Every planted defect is caught: a checker that lets one pass is worth nothing."""

from __future__ import annotations

import pytest

from tbie.sim.mutants import MUTANTS, planted
from tbie.sim.run import plan_of, run

SEEDS = 400
"""Among so many seeds, each has to be caught at least once. Most are caught by the first ten."""


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_planted_defect_is_caught(name: str) -> None:
    with planted(name):
        caught = next((r for r in map(run, map(plan_of, range(SEEDS))) if not r.ok), None)
    assert caught is not None, f"{MUTANTS[name].words}: nobody noticed"
    assert caught.checker != "no unexpected error", f"a defect that breaks itself proves nothing: {caught.words}"


def test_a_defect_is_gone_afterwards() -> None:
    with planted("no_sweep"):
        pass
    assert all(run(plan_of(seed)).ok for seed in range(20))
