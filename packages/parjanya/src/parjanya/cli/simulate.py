"""``parjanya simulate``: the kernel's own simulation, for whoever wants to see it hold, or fail, on their machine."""

from __future__ import annotations

from parjanya.cli.common import Common, Exit, UsageError, say, show
from tbie.core.clock import SystemClock
from tbie.sim.command import one, parse_range, several


def simulate(
    *,
    seed: int | None = None,
    seeds: str | None = None,
    jobs: int = 1,
    minimise: bool = False,
    trace: bool = False,
    common: Common | None = None,
) -> int:
    """Run the kernel under a virtual clock with faults drawn from a seed; needs no home and touches none.

    Parameters
    ----------
    seed
        One seed. A failure prints its trace.
    seeds
        FIRST:LAST, a range without its end.
    jobs
        Processes for a range of seeds.
    minimise
        Drop faults of a failing seed as long as the same promise is broken.
    trace
        Print the trace of a seed that holds, too.
    """
    common = common or Common()
    if (seed is None) == (seeds is None):
        raise UsageError("name one seed (--seed 7) or a range of them (--seeds 0:1000)")
    if jobs < 1 or (seed is not None and seed < 0):
        raise UsageError("--jobs is at least 1, and a seed is not negative")
    if seed is not None:
        failed = one(seed, show, as_json=common.json, smaller=minimise, trace=trace)
    else:
        assert seeds is not None
        try:
            first, last = parse_range(seeds)
        except ValueError as error:
            raise UsageError(str(error)) from error
        failed = several(
            first, last, jobs, show, lambda text: say(f"simulate: {text}"), SystemClock(), as_json=common.json
        )
    return Exit.NOT_WELL if failed else Exit.DONE
