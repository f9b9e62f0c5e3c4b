"""The main job: `curate` takes images in, works on all of them, and leaves verdicts, a contact sheet and sidecars behind.

It may be interrupted anywhere, with Ctrl-C or ``kill -9``; the same command goes on where it was. If another engine
(`serve`, another `curate`) leads this home, it adds its images and waits for that one to do the work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from parjanya.catalog.discover import Walk
from parjanya.catalog.items import Ingested
from parjanya.cli.activating import use
from parjanya.cli.common import Common, Exit, check_tenant, opened, say, show, show_json, workers_or_default
from parjanya.cli.engine import EngineOptions, choose
from parjanya.cli.naming import active_name, named
from parjanya.cli.report import Reported, report, summary_lines
from parjanya.cli.working import Interrupt, work
from parjanya.export.sheet.folder import claim


def curate(
    paths: Annotated[list[Path], Parameter(negative=())],
    /,
    *,
    out: Path | None = None,
    xmp: bool = False,
    policy: str | None = None,
    tenant: str = "default",
    workers: int | None = None,
    engine: EngineOptions | None = None,
    common: Common | None = None,
) -> int:
    """Judge every image in PATHS: keep, review or reject, with reasons; then write a contact sheet, CSV and JSON.

    Parameters
    ----------
    paths
        Folders or files. They are only read.
    out
        Where the reports go (default: `out` in the home).
    xmp
        Also write sidecars beside the images, for photo programs. Existing sidecars are merged.
    policy
        By which rules: a file, a built-in name (culling, photographic-content), or a stored version. It is activated for this
        tenant if another one is active (default: what is active).
    tenant
        Whose images these are.
    workers
        Worker processes (default: one for each core, or PARJANYA_WORKERS).
    """
    common = common or Common()
    engine = (engine or EngineOptions()).check(common)
    check_tenant(tenant)
    count = workers_or_default(workers)
    if policy is not None and not common.begun:
        named(None, policy)  # what is wrong with it is said before a home is begun
    interrupt = Interrupt()
    with opened(common, must_exist=False) as system:
        wanted = named(system, policy, tenant) if policy is not None else None
        out = out if out is not None else system.home.out
        claim(out)  # a folder that cannot take the reports is worth knowing before the work, not after it
        choose(system, engine)
        if wanted is not None:
            use(system, wanted, tenant)
        walk = Walk()
        ingested, settled = work(system, paths, [system.home.root, out], tenant, count, walk, interrupt)
        reported = report(system, tenant, out, write_sidecars=xmp and settled, policy=active_name(system, tenant))
    interrupt.restore()
    result = _result(ingested, walk, reported, settled)
    if common.json:
        show_json(result)
    else:
        for line in summary_lines(reported):
            show(line)
    _complain(walk, settled, reported)
    well = settled and not reported.failed and not walk.problems and not reported.sidecar_problems
    return Exit.DONE if well else Exit.NOT_WELL


def _result(ingested: Ingested, walk: Walk, reported: Reported, settled: bool) -> dict[str, Any]:
    return {
        "settled": settled,
        "images": reported.images,
        "verdicts": dict(reported.verdicts),
        "engines": dict(reported.engines),
        "failed": dict(reported.failed),
        "reasons": dict(reported.reasons),
        "ingested": {
            "added": ingested.added,
            "changed": ingested.changed,
            "retried": ingested.retried,
            "known": ingested.known,
        },
        "ignored": dict(walk.ignored),
        "problems": [{"path": path, "problem": problem} for path, problem in walk.problems],
        "contact_sheet": str(reported.sheet) if reported.sheet else None,
        "csv": str(reported.csv),
        "json": str(reported.json),
        "sidecars": dict(reported.sidecars),
        "sidecar_problems": reported.sidecar_problems,
        "sidecar_remarks": reported.sidecar_remarks,
    }


def _complain(walk: Walk, settled: bool, reported: Reported) -> None:
    for path, problem in walk.problems:
        say(f"{path}: {problem}")
    for remark in [*reported.sidecar_problems, *reported.sidecar_remarks]:
        say(f"{remark['path']}: {remark['reason']}")
    if walk.ignored:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in walk.ignored.most_common(6))
        say(f"not images, left alone: {kinds}")
    if not settled:
        say("interrupted: run the same command again and it goes on from here")


def demo(*, folder: Path = Path("demo"), common: Common | None = None) -> int:
    """Make a small sample shoot in FOLDER and curate it: the quickest way to see what this does.

    Parameters
    ----------
    folder
        Where the sample images go; the home and the contact sheet go beside them.
    """
    from parjanya.demo import make_shoot

    common = common or Common()
    shoot = folder / "shoot"
    if not shoot.exists():
        say(f"drawing a sample shoot in {shoot} …")
        make_shoot(shoot)
    home = common.home if common.home is not None else folder / "home"
    code = curate([shoot], out=folder / "out", common=Common(home=home, json=common.json))
    say(f"\nOpen {folder / 'out' / 'index.html'} in a browser.")
    # the shoot contains a broken file on purpose: that it is reported is a success here
    return Exit.DONE if code == Exit.NOT_WELL else code


def export(*, out: Path | None = None, xmp: bool = False, tenant: str = "default", common: Common | None = None) -> int:
    """Write the contact sheet, CSV and JSON (and sidecars) of what is known now, without working on anything.

    Parameters
    ----------
    out
        Where they go (default: `out` in the home).
    xmp
        Also write sidecars beside the images.
    tenant
        Whose images.
    """
    common = common or Common()
    with opened(common) as system:
        target = out if out is not None else system.home.out
        reported = report(system, tenant, target, write_sidecars=xmp, policy=None)
    if common.json:
        show_json(_result(Ingested(), Walk(), reported, settled=True))
    else:
        for line in summary_lines(reported):
            show(line)
    return Exit.NOT_WELL if reported.sidecar_problems else Exit.DONE
