"""Many seeds, in as many processes as asked for, added up.

Callers: ``command``, tests. Each seed is a world of its own, so ranges run anywhere and in any order.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field

from tbie.sim.mutants import planted
from tbie.sim.run import Report, plan_of, run

CHUNK = 100
"""Seeds handed to a process at once: some seconds of work, so that progress is seen and nothing waits for long."""

_UNTIE = 20  # worlds between two rounds of the garbage collector: a few megabytes each


@dataclass(slots=True)
class Totals:
    """What many seeds amount to."""

    seeds: int = 0
    failures: list[tuple[int, str, str]] = field(default_factory=list)
    """Seed, checker, words."""
    checked: Counter[str] = field(default_factory=Counter)
    sometimes: Counter[str] = field(default_factory=Counter)
    rounds: int = 0

    def count(self, report: Report) -> None:
        """One more seed."""
        self.seeds += 1
        self.checked.update(report.checked)
        self.sometimes.update(report.sometimes)
        self.rounds += report.rounds
        if report.checker is not None:
            self.failures.append((report.plan.seed, report.checker, report.words))

    def add(self, other: Totals) -> None:
        """Another range."""
        self.seeds += other.seeds
        self.failures += other.failures
        self.checked.update(other.checked)
        self.sometimes.update(other.sometimes)
        self.rounds += other.rounds

    @property
    def vacuous(self) -> list[str]:
        """Checkers that never had anything to look at."""
        return [name for name, times in sorted(self.checked.items()) if not times]


def run_range(first: int, last: int, mutant: str | None = None) -> Totals:
    """Seeds from *first* up to, and without, *last*, in this process."""
    totals = Totals()
    gc.disable()  # a world is one knot of references: it is untied between worlds, not a hundred times within each
    try:
        with planted(mutant):
            for seed in range(first, last):
                totals.count(run(plan_of(seed)))
                if seed % _UNTIE == 0:
                    gc.collect()
    finally:
        gc.enable()
    return totals


def run_many(first: int, last: int, jobs: int, progress: Callable[[Totals], None], mutant: str | None = None) -> Totals:
    """The same in *jobs* processes; *progress* is told after each chunk."""
    totals = Totals()
    chunks = [(start, min(start + CHUNK, last)) for start in range(first, last, CHUNK)]
    for part in _in_turn(chunks, mutant) if jobs <= 1 else _side_by_side(chunks, jobs, mutant):
        totals.add(part)
        progress(totals)
    totals.failures.sort()
    return totals


def _in_turn(chunks: list[tuple[int, int]], mutant: str | None) -> Iterator[Totals]:
    for start, end in chunks:
        yield run_range(start, end, mutant)


def _side_by_side(chunks: list[tuple[int, int]], jobs: int, mutant: str | None) -> Iterator[Totals]:
    context = multiprocessing.get_context("spawn")  # the same on every system, and no thread is copied half-way
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for done in as_completed([pool.submit(run_range, start, end, mutant) for start, end in chunks]):
            yield done.result()
