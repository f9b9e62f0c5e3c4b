"""A failing seed is reduced to the faults that it needs."""

from __future__ import annotations

import itertools

from tbie.sim.minimise import minimise
from tbie.sim.mutants import planted
from tbie.sim.plan import Plan, Planned
from tbie.sim.run import Report, plan_of, run

FAULTS = tuple(Planned(f"f{number}", number, 1, number) for number in range(7))


def failing_with(*needed: Planned) -> tuple[Report, list[Plan]]:
    """A report of a run that fails as long as all of *needed* are among its faults, and the runs that were tried."""
    tried: list[Plan] = []

    def again(plan: Plan) -> Report:
        tried.append(plan)
        return Report(plan, "checker" if set(needed) <= set(plan.faults) else None)

    found = minimise(Report(plan_of(0)._replace(faults=FAULTS), "checker"), again)
    assert len(tried) == found.tries
    return found.report, tried


def test_exactly_what_is_needed_is_left_whatever_it_is() -> None:
    for count in range(4):
        for needed in itertools.combinations(FAULTS, count):
            report, _ = failing_with(*needed)
            assert report.plan.faults == needed


def test_a_run_that_fails_for_another_reason_is_not_taken() -> None:
    def again(plan: Plan) -> Report:
        return Report(plan, "checker" if len(plan.faults) > 4 else "another")

    found = minimise(Report(plan_of(0)._replace(faults=FAULTS), "checker"), again)
    assert len(found.report.plan.faults) == 5


def test_a_real_failure_needs_fewer_faults_than_were_drawn() -> None:
    with planted("blind_and_silent"):
        failing = next(r for r in map(run, map(plan_of, range(100))) if not r.ok and len(r.plan.faults) > 2)
        found = minimise(failing)
        left = found.report.plan
        assert len(left.faults) < len(failing.plan.faults)
        assert left.faults or left.watched, "something is needed, be it the fault that was watched"
        assert run(found.report.plan).checker == failing.checker
