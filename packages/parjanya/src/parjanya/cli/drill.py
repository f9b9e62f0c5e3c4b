"""``parjanya drill``: injects incidents into instances of its own and shows what detection and repair took."""

from __future__ import annotations

import importlib.util
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from parjanya.cli.common import Common, Exit, UsageError, say, show, show_json

if TYPE_CHECKING:
    from parjanya.drills.run import Ground
    from parjanya.drills.shape import Drill

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
    profile: Literal["embedded", "aws"] = "embedded",
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
    profile
        Where the stores of the instances are; aws: on a local server of its interfaces, which is started and ended here.
    """
    common = common or Common()
    from parjanya.drills.report import heading, line, remarks
    from parjanya.drills.run import run_all

    drills, ground = _of(profile)
    by_name = {one.name: one for one in drills}

    if name == "list":
        for one in drills:
            show(f"{one.name:28}  {one.boundary.value:13}  {one.story}")
        return Exit.DONE
    if name != "all" and name not in by_name:
        raise UsageError(f"there is no drill {name!r}; drills: all, {', '.join(by_name)}")
    if jobs < 1:
        raise UsageError(f"--jobs must be at least 1, not {jobs}")
    chosen = drills if name == "all" else (by_name[name],)
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
        order = {one.name: place for place, one in enumerate(drills)}
        reports.sort(key=lambda report: order[report.drill.name])
        show_json({"held": held, "drills": [report.to_json() for report in reports]})
    say(f"{held} of {len(chosen)} held")
    return Exit.DONE if held == len(chosen) else Exit.NOT_WELL


def _of(profile: str) -> tuple[tuple[Drill, ...], Callable[..., AbstractContextManager[Ground]]]:
    """The drills of *profile*, and the ground on which they are held."""
    if profile == "embedded":
        from parjanya.drills.catalogue import DRILLS
        from parjanya.drills.run import ground

        return DRILLS, ground
    if importlib.util.find_spec("boto3") is None:
        raise UsageError("boto3 is not installed here: pip install 'parjanya[aws]'")
    from parjanya.drills.aws.catalogue import DRILLS as ON_AWS
    from parjanya.drills.aws.ground import ground_on_aws

    return ON_AWS, ground_on_aws


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
