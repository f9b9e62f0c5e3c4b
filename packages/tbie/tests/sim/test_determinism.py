"""The same seed is the same run, byte by byte, in another process with other hashes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tbie.sim.plan import draw
from tbie.sim.run import plan_of, run


def trace(seed: int, hashes: str) -> bytes:
    """The trace of *seed* from a process of its own."""
    command = [sys.executable, "-m", "tbie.sim", "--seed", str(seed), "--trace"]
    environment = {**os.environ, "PYTHONHASHSEED": hashes, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, env=environment, capture_output=True, check=True).stdout


@pytest.mark.parametrize("seed", [3, 14, 15])
def test_the_same_seed_gives_the_same_bytes_in_another_process(seed: int) -> None:
    first = trace(seed, "1")
    assert first.count(b"\n") > 100, "there is something to compare"
    assert trace(seed, "2") == first


def test_another_seed_gives_another_run() -> None:
    one, other = run(plan_of(3), tracing=True), run(plan_of(14), tracing=True)
    assert one.events != other.events


def test_looking_on_changes_nothing() -> None:
    seen, unseen = run(plan_of(15), tracing=True), run(plan_of(15))
    assert seen.events
    assert not unseen.events
    assert (seen.checked, seen.sometimes, seen.rounds) == (unseen.checked, unseen.sometimes, unseen.rounds)


def test_a_plan_draws_few_kinds_and_many_faults_of_each() -> None:
    kinds = [f"k{number}" for number in range(40)]
    plans = [draw(seed, kinds, kinds[:5]) for seed in range(200)]
    assert {len({fault.kind for fault in plan.faults}) for plan in plans} >= {0, 1, 2, 3}
    assert {fault.kind for plan in plans for fault in plan.faults} == set(kinds)
    assert max(len(plan.faults) for plan in plans) >= 6
    assert {plan.watched.kind for plan in plans if plan.watched is not None} == set(kinds[:5])
