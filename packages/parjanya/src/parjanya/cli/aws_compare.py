"""`aws compare` and `aws demo`: whether an instance on AWS judges as the embedded one does, image by image."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from parjanya.catalog.discover import Walk
from parjanya.cli.activating import use
from parjanya.cli.aws import Functions, Paths, bring_up, on_aws, take_down, told
from parjanya.cli.common import Common, Exit, UsageError, check_tenant, say, show, show_json, workers_or_default
from parjanya.cli.naming import active
from parjanya.cli.working import Interrupt, work
from parjanya.export.record import ImageRecord
from parjanya.home import Home
from parjanya.profiles.system import System, open_system
from parjanya.views.comparing import Comparison, compare
from parjanya.views.records import records

SHOWN = 40
"""Differences in the table; all of them are in the JSON."""


def compare_(
    paths: Paths, /, *, tenant: str = "default", workers: int | None = None, common: Common | None = None
) -> int:
    """Judge the same files by an embedded instance too and compare image by image; exits with 3 if anything differs.

    Parameters
    ----------
    paths
        What was uploaded.
    tenant
        Whose images.
    workers
        Worker processes of the embedded instance (default: one for each core, or PARJANYA_WORKERS).
    """
    common = common or Common()
    check_tenant(tenant)
    count = workers_or_default(workers)
    interrupt = Interrupt()
    with on_aws(common) as system:
        found, settled = _compare(system, paths, tenant, count, interrupt)
    interrupt.restore()
    if common.json:
        show_json({"settled": settled, **found.to_json()})
    else:
        _show(found)
    return Exit.DONE if found.alike and settled else Exit.NOT_WELL


def _compare(
    system: System, paths: list[Path], tenant: str, workers: int, interrupt: Interrupt
) -> tuple[Comparison, bool]:
    """The comparison with an embedded instance by the same policy, and whether that one came to its end."""
    with tempfile.TemporaryDirectory(prefix="parjanya-compare-") as folder:
        reference = open_system(Home(Path(folder) / "home"), system.settings, system.clock)
        try:
            use(reference, active(system, tenant), tenant)
            say("the same files by an embedded instance:")
            _, settled = work(reference, paths, [system.home.root], tenant, workers, Walk(), interrupt)
            found = compare(_records(reference, tenant), _records(system, tenant))
        finally:
            reference.close()
    return found, settled


def _records(system: System, tenant: str) -> Iterator[ImageRecord]:
    return records(system.truth, system.workflow, system.objects, tenant)


def _show(found: Comparison) -> None:
    verdicts = ", ".join(f"{name} {count}" for name, count in found.verdicts.most_common())
    show(f"{found.compared} images compared ({verdicts or 'none'}): {found.same} the same in every field")
    for difference in found.differences[:SHOWN]:
        first, second = str(difference.first)[:60], str(difference.second)[:60]
        show(f"  {difference.path}: {difference.field}: embedded {first}, aws {second}")
    if len(found.differences) > SHOWN:
        show(f"  … and {len(found.differences) - SHOWN} more (--json lists all)")
    for name, only in (("embedded", found.only_first), ("aws", found.only_second)):
        for path in only[:SHOWN]:
            show(f"  only {name} has {path}")


def demo_(
    folder: Path | None = None,
    /,
    *,
    tenant: str = "default",
    workers: int | None = None,
    keep: bool = False,
    functions: Functions = None,
    common: Common | None = None,
) -> int:
    """All of it: a local server, tables, queues, bucket, functions, uploads, workers; and the embedded verdicts beside it.

    Exits with 3 if any image is judged otherwise than by the embedded instance.

    Parameters
    ----------
    folder
        With images (default: the sample shoot of `demo`, in demo/shoot).
    tenant
        Whose images they become.
    workers
        Worker processes (default: one for each core, or PARJANYA_WORKERS).
    keep
        Leave the local server running, to look around; `aws down` ends it.
    functions
        A folder with the packages of the functions (`./run` makes it; without one an engine of this machine does their work).
    """
    common = common or Common()
    check_tenant(tenant)
    count = workers_or_default(workers)
    images = folder if folder is not None else _sample(Path("demo") / "shoot")
    if not images.exists():
        raise UsageError(f"there is no {images}")
    home = Home(common.root)
    interrupt, walk = Interrupt(), Walk()
    try:
        _, made = bring_up(home, [], functions)
        say(made)
        with on_aws(common) as system:
            passes: dict[str, int] = {}
            if functions is None:
                done, settled = work(system, [images], [system.home.root], tenant, count, walk, interrupt)
            else:
                from parjanya.cli.aws_functions import passes_of, work_by_functions

                done, settled = work_by_functions(system, images, tenant, count, walk, interrupt)
                passes = passes_of(system)
            if not settled:
                return told(common, done, walk, interrupted=True)
            found, settled = _compare(system, [images], tenant, count, interrupt)
    finally:
        interrupt.restore()
        if not keep:
            take_down(home)
    if common.json:
        counts = {"added": done.added, "changed": done.changed, "retried": done.retried, "known": done.known}
        show_json({"settled": settled, "ingested": counts, "passes": passes, "comparison": found.to_json()})
    else:
        if passes:
            show("passes of the functions: " + ", ".join(f"{name} {count}" for name, count in passes.items()))
        _show(found)
    return Exit.DONE if found.alike and settled else Exit.NOT_WELL


def _sample(shoot: Path) -> Path:
    if not shoot.exists():
        from parjanya.demo import make_shoot

        say(f"drawing a sample shoot in {shoot} …")
        make_shoot(shoot)
    return shoot
