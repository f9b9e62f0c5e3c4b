"""``python -m tbie.sim --seed N``: see docs/simulation.md."""

from __future__ import annotations

import argparse
import sys

from tbie.core.clock import SystemClock
from tbie.sim.command import one, parse_range, several
from tbie.sim.mutants import MUTANTS


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _progress(text: str) -> None:
    sys.stderr.write(f"simulate: {text}\n")


def main() -> int:
    """Parse, run, return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tbie.sim", description="The real kernel under faults, from a seed."
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seed", type=int, help="one seed; a failure prints its trace")
    what.add_argument("--seeds", metavar="A:B", help="seeds from A up to, and without, B")
    parser.add_argument("--jobs", type=int, default=1, help="processes for a range of seeds")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--minimise", action="store_true", help="drop faults as long as the same promise is broken")
    parser.add_argument("--trace", action="store_true", help="print the trace of a seed that holds, too")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="with this defect planted into the kernel")
    given = parser.parse_args()
    if given.seed is not None:
        flags = {"as_json": given.json, "smaller": given.minimise, "trace": given.trace}
        return one(given.seed, _line, **flags, mutant=given.mutant)
    try:
        first, last = parse_range(given.seeds)
    except ValueError as error:
        parser.error(str(error))
    clock = SystemClock()
    return several(first, last, given.jobs, _line, _progress, clock, as_json=given.json, mutant=given.mutant)


if __name__ == "__main__":
    sys.exit(main())
