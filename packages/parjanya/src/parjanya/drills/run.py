"""Runs drills, one or several at a time, and measures each from injection to repair.

Callers: ``parjanya drill`` and ``tests/incidents``.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from parjanya.catalog.discover import Walk, discover
from parjanya.drills import pictures
from parjanya.drills.any_scene import AnyScene
from parjanya.drills.effects import effects
from parjanya.drills.reference import Answers, instant, undisturbed
from parjanya.drills.report import Report
from parjanya.drills.scene import Scene
from parjanya.drills.shape import QUICK, Drill, DrillStoppedError
from parjanya.drills.small_disk import Order, run_confined
from parjanya.profiles.environment import PROFILE
from tbie.core.clock import Clock, SystemClock
from tbie.core.settings import Settings

LOOKS = 3
"""Diagnoses that a budget allows beyond the promise: one just before, one that sees it, and a machine that is busy."""


@dataclass
class Ground:
    """What all drills of one call share: the pictures, and what they come to without an incident."""

    root: Path
    shoot: Sequence[Path]
    reference: Answers
    clock: Clock
    stopped: threading.Event = field(default_factory=threading.Event)
    """Set it, and every drill ends its processes and returns."""
    keep: bool = False
    make: Callable[..., AnyScene] = Scene
    """Makes the scene of a drill: where its stores are."""


@contextmanager
def ground(images: Path | None = None, keep: bool = False) -> Iterator[Ground]:
    """A temporary folder with pictures (drawn, or those in *images*) and the reference run; removed unless *keep*."""
    clock = SystemClock()
    root = Path(tempfile.mkdtemp(prefix="parjanya-drills-")).resolve()
    try:
        shoot = (
            pictures.draw(root / "shoot") if images is None else [f.path for f in discover([images], [root], Walk())]
        )
        settings = instant(Settings(**{**PROFILE, **QUICK}))  # type: ignore[arg-type]
        reference = undisturbed(root / "reference", shoot, settings, clock)
        yield Ground(root, shoot, reference, clock, keep=keep)
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


def run_all(drills: Sequence[Drill], common: Ground, jobs: int, begun: Callable[[Drill], object]) -> Iterator[Report]:
    """Run *drills*, *jobs* at a time; each report as soon as it is there."""

    def one(drill: Drill) -> Report:
        begun(drill)
        return run(drill, common)

    with ThreadPoolExecutor(jobs, "drill") as pool:
        futures: list[Future[Report]] = [pool.submit(one, drill) for drill in drills]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            common.stopped.set()  # reached early when interrupted: those under way end their processes, no other begins
            for future in futures:
                future.cancel()


def run(drill: Drill, common: Ground) -> Report:
    """One drill in a home of its own. Never raises for what the instance does: that is a problem in the report."""
    report = Report(drill, cannot_run=drill.cannot_run())
    if common.stopped.is_set():
        report.problems.append("interrupted before it began")
    elif report.cannot_run is None and drill.disk_mib is not None:
        order = Order(drill.name, common.root / drill.name, common.shoot, common.reference, common.keep)
        run_confined(order, drill.disk_mib, report, common.stopped)
    elif report.cannot_run is None:
        run_here(report, common)
    return report


def run_here(report: Report, common: Ground) -> None:
    """Run the drill of *report* in this process's view of the files, and fill in the report."""
    drill, root = report.drill, common.root / report.drill.name
    scene = common.make(root, common.shoot, common.clock, common.stopped, drill.workers, drill.settings)
    report.budget_s = drill.budget.seconds(scene.settings) + LOOKS * scene.look_every_s
    try:
        _measure(drill, scene, report, common.reference)
        if drill.guardrail is not None:
            report.guardrail = drill.guardrail(scene)
    except DrillStoppedError as error:
        report.problems.append(str(error))
    except Exception as error:  # noqa: BLE001 - whatever breaks a drill is what that drill has to report
        report.problems.append(f"{type(error).__name__}: {error}")
    finally:
        scene.end()
        report.measures, report.late = scene.measures, scene.late
        report.problems += scene.problems
        if common.keep:
            report.home = str(scene.home)
        else:
            shutil.rmtree(root, ignore_errors=True)


def _measure(drill: Drill, scene: AnyScene, report: Report, reference: Answers) -> None:
    def found() -> bool:
        report.detected = scene.sightings.first.get(drill.code)
        return report.detected is not None

    with drill.inject(scene):
        scene.require(drill.code not in scene.sightings.before, f"{drill.code} was found before it was injected")
        scene.until(found, f"the finding {drill.code}")
    scene.until(
        lambda: scene.settled() and (drill.stands or drill.code not in scene.sightings.standing),
        f"all work settled and no finding {drill.code} standing",
    )
    report.repaired_s = scene.since_s
    report.effects = effects(scene, reference, drill.fails)
