"""``parjanya drill``: injects incidents into instances of its own and shows what detection and repair took."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from parjanya.cli.common import Common, Exit, UsageError, say, show, show_json

FEWEST_IMAGES = 6
"""A worker takes four at a time: with fewer than these nothing waits in the queue, and nothing can be lost there."""
JOBS = 2
"""Drills at a time: each is a few processes that mostly wait for each other."""


def drill(
    name: str,
    /,
    *,
    jobs: int = JOBS,
    images: Path | None = None,
    keep: Annotated[bool, Parameter(negative=())] = False,
    common: Common | None = None,
) -> int:
    """Inject an incident into an instance of its own, and measure detection and repair. `all` runs every drill.

    Your own home is never touched, whatever --home says: each drill makes a temporary one, with real processes and pictures.

    Parameters
    ----------
    name
        A drill, `all`, or `list`.
    jobs
        How many drills at a time.
    images
        A folder of your own pictures instead of drawn ones.
    keep
        Leave the homes of the drills where they are, and say where.
    """
    common = common or Common()
    from parjanya.drills.catalogue import BY_NAME, DRILLS
    from parjanya.drills.report import heading, line, remarks
    from parjanya.drills.run import ground, run_all

    if name == "list":
        for one in DRILLS:
            show(f"{one.name:28}  {one.boundary.value:13}  {one.story}")
        return Exit.DONE
    if name != "all" and name not in BY_NAME:
        raise UsageError(f"there is no drill {name!r}; drills: all, {', '.join(BY_NAME)}")
    if jobs < 1:
        raise UsageError(f"--jobs must be at least 1, not {jobs}")
    chosen = DRILLS if name == "all" else (BY_NAME[name],)
    reports = []
    say("drawing pictures, and judging them once without an incident")
    with _termination_as_interrupt(), ground(images, keep) as shared:
        if len(shared.shoot) < FEWEST_IMAGES:
            raise UsageError(f"a drill needs {FEWEST_IMAGES} images; {images} has {len(shared.shoot)}")
        if not common.json:
            show(heading())
        for report in run_all(chosen, shared, jobs, lambda one: say(f"{one.name}: {one.story}")):
            reports.append(report)
            if not common.json:
                show("\n".join((line(report), *remarks(report))))
    held = sum(report.ok for report in reports)
    if common.json:
        order = {one.name: place for place, one in enumerate(DRILLS)}
        reports.sort(key=lambda report: order[report.drill.name])
        show_json({"held": held, "drills": [report.to_json() for report in reports]})
    say(f"{held} of {len(chosen)} held")
    return Exit.DONE if held == len(chosen) else Exit.NOT_WELL


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """A drill that is told to end must end its processes first, as after Ctrl-C."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
