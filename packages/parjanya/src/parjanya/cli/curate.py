"""The main job: `curate` takes images in, works on all of them, and leaves verdicts, a contact sheet and sidecars behind.

It may be interrupted anywhere, with Ctrl-C or ``kill -9``; the same command goes on where it was. If another engine
(`serve`, another `curate`) leads this home, it adds its images and waits for that one to do the work.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

from cyclopts import Parameter

from parjanya.catalog.discover import Walk, discover
from parjanya.catalog.items import Ingested
from parjanya.catalog.items import ingest as ingest_files
from parjanya.cli.act import person
from parjanya.cli.common import Common, Exit, UsageError, opened, say, show, show_json, workers_or_default
from parjanya.cli.progress import progress
from parjanya.cli.report import Reported, report, summary_lines
from parjanya.profiles.embedded import Running, System, open_engine
from parjanya.stages import observe
from tbie.core.errors import TbieError
from tbie.truth import StageState

ENGINES = ("classical",)
POLICIES = ("culling",)
DRAIN_S = 60.0
"""How long an interrupted run waits for the images at hand; a worker that takes longer leaves by itself."""


class WorkersCannotStartError(TbieError):
    """Worker processes die before they register. The message carries what they said last."""


class Interrupt:
    """Turns the first Ctrl-C (or SIGTERM) into "finish what is at hand", and the second into the usual stop."""

    def __init__(self) -> None:
        self.asked = False
        self._previous = {n: signal.signal(n, self._note) for n in (signal.SIGINT, signal.SIGTERM)}

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        say("\nfinishing the images at hand; press Ctrl-C again to stop at once (nothing is lost either way)")
        self.restore()

    def restore(self) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)


def curate(
    paths: Annotated[list[Path], Parameter(negative=())],
    /,
    *,
    out: Path | None = None,
    xmp: bool = False,
    policy: str = "culling",
    engine: str = "classical",
    tenant: str = "default",
    workers: int | None = None,
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
        By which rules; built in: culling.
    engine
        What looks at the images; built in: classical (no model needed).
    tenant
        Whose images these are.
    workers
        Worker processes (default: one for each core, or PARJANYA_WORKERS).
    """
    common = common or Common()
    if engine not in ENGINES:
        raise UsageError(f"there is no engine {engine!r} in this version; engines: {', '.join(ENGINES)}")
    if policy not in POLICIES:
        raise UsageError(f"there is no policy {policy!r} in this version; policies: {', '.join(POLICIES)}")
    interrupt = Interrupt()
    with opened(common, must_exist=False) as system:
        out = out if out is not None else system.home.out
        walk = Walk()
        ingested, settled = _work(system, paths, [system.home.root, out], tenant, workers, walk, interrupt)
        reported = report(system, tenant, out, write_sidecars=xmp and settled, engine=engine, policy=policy)
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


def _work(
    system: System,
    paths: list[Path],
    skip: list[Path],
    tenant: str,
    workers: int | None,
    walk: Walk,
    interrupt: Interrupt,
) -> tuple[Ingested, bool]:
    """Take everything in and work until it is settled; False if interrupted before that."""
    files = discover(paths, skip, walk)
    if not system.home.lead():
        say("another engine works in this home; adding to it and waiting for it")
        ingested = ingest_files(
            system.truth, system.workflow, tenant, files, person(), lambda _: system.truth_bell.ring()
        )
        with system.listen("settled", "curate") as listener:
            return ingested, _watch(system, tenant, interrupt, lambda: listener.wait(system.settings.poll_interval_s))
    running = open_engine(system, workers_or_default(workers))
    try:
        running.engine.start()
        ingested = ingest_files(system.truth, system.workflow, tenant, files, person(), lambda _: _turn(running))
        settled = _watch(system, tenant, interrupt, lambda: _turn(running))
        return ingested, settled
    finally:
        running.engine.stop(DRAIN_S)
        running.close()
        system.home.resign()


def _turn(running: Running) -> None:
    running.engine.turn()
    if running.fleet.boot_failures >= 3 and running.fleet.running == 0:
        raise WorkersCannotStartError(f"worker processes cannot start: {running.fleet.last_boot_error}")


def _watch(system: System, tenant: str, interrupt: Interrupt, turn: Any) -> bool:
    total, done, failed, open_work = _counts(system, tenant)
    with progress(total, sys.stderr, system.clock) as shown:
        while open_work and not interrupt.asked:
            turn()
            total, done, failed, open_work = _counts(system, tenant)
            shown.update(total=total, done=done, failed=failed)
    return not open_work


def _counts(system: System, tenant: str) -> tuple[int, int, int, int]:
    """Images, images looked at (or given up), failed stages, and stages that something may still happen to."""
    roots = {stage.name for stage in system.workflow.stages if not stage.needs}
    total = done = failed = open_work = 0
    for (_, stage, state), count in system.truth.tally(tenant).items():
        if stage in roots:
            total += count
        if stage == observe.NAME and state.final:
            done += count
        if state is StageState.FAILED:
            failed += count
        if not state.final:
            open_work += count
    return total, done, failed, open_work


def _result(ingested: Ingested, walk: Walk, reported: Reported, settled: bool) -> dict[str, Any]:
    return {
        "settled": settled,
        "images": reported.images,
        "verdicts": dict(reported.verdicts),
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
        reported = report(system, tenant, target, write_sidecars=xmp, engine=None, policy=None)
    if common.json:
        show_json(_result(Ingested(), Walk(), reported, settled=True))
    else:
        for line in summary_lines(reported):
            show(line)
    return Exit.NOT_WELL if reported.sidecar_problems else Exit.DONE
