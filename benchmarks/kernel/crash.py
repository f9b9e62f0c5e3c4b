"""A worker killed with SIGKILL in the middle of a job: how long until the job runs again.

Once with its supervisor alive (the process fleet sees it die), once with workers that nobody supervises (another worker takes
the job when its lease ends). Measured from the kill until the handler starts again, in a worker process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness import HERE, machine, median
from systems.tbie_sqlite import new_item

from tbie.backends.sqlite.belief import belief
from tbie.backends.sqlite.bell import Bell, Listener
from tbie.backends.sqlite.execution import Death, ProcessFleet
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.slot import Slot
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.cause import Cause
from tbie.core.clock import SystemClock
from tbie.core.ids import RandomIds
from tbie.core.outcome import Completed, Outcome
from tbie.core.settings import Settings
from tbie.engine import Engine
from tbie.execution import OneByOne, Work
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.loop import Reconciler
from tbie.truth import StageState
from tbie.worker import Worker, settle_death
from tbie.worker.runner import Runner
from tbie.workflow import Stage, Workflow

LEASE_S = 3.0
WORKFLOW = Workflow("crash", (Stage("victim", "v1", max_run_s=LEASE_S / 2),))
SETTINGS = Settings(visibility_timeout_s=LEASE_S, sweep_interval_s=1.0, heartbeat_interval_s=1.0, idle_exit_s=60.0)
_PATIENCE_S = 30.0


class Home:
    """The stores and bells of one folder, opened by whichever process needs them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.ids = folder, SystemClock(), RandomIds()
        self.truth = SqliteTruth(folder / "truth.db", WORKFLOW, self.clock, self.ids)
        self.intent = SqliteIntent(folder / "intent.db", self.clock, SETTINGS.retention_s)
        self.bells = folder / "bells"
        self.truth_bell, self.intent_bell = Bell(self.bells, "truth"), Bell(self.bells, "intent")

    def bury(self, death: Death) -> None:
        """What the supervisor does with a worker that died."""
        if settle_death(death.owner, death.suspects, WORKFLOW, self.truth, self.intent, death.reason, death.evidence):
            self.intent_bell.ring()
            self.truth_bell.ring()


def work(folder: Path, owner: str) -> None:
    """A worker process. The first attempt at a job notes its process and never ends; the second notes when it began."""
    home = Home(folder)
    slot = Slot(folder, owner, home.clock)

    def handle(_: Work) -> Outcome:
        now = time.monotonic()
        first = folder / "first"
        if not first.exists():
            _write(first, f"{os.getpid()}")
            signal.pause()
        _write(folder / "second", f"{now}")
        return Completed({})

    with Listener(home.bells, "intent", owner) as listener:
        handlers = {"victim": OneByOne(handle)}
        stores = (home.truth, home.intent, home.clock, SETTINGS)
        ring = home.truth_bell.ring
        worker = Worker(owner, "default", WORKFLOW, handlers, *stores, progress=slot, after_commit=ring)
        runner = Runner(worker, *stores, listener.wait, report=lambda trouble: print(trouble, file=sys.stderr))
        signal.signal(signal.SIGTERM, lambda *_: runner.stop())
        runner.run()
    slot.close()


def supervised(folder: Path) -> float:
    """Seconds from the kill to the second attempt, with an engine that owns its workers."""
    home = Home(folder)
    fleet = ProcessFleet(folder, partial(_command, folder), home.bury, home.clock, home.ids)
    with Listener(home.bells, "truth", "engine") as listener:
        reconciler = _reconciler(home, fleet)
        engine = Engine(reconciler, fleet, listener.wait, SETTINGS)
        engine.start()
        seconds = _kill_and_wait(home, engine.turn)
        engine.stop(5.0)
    return seconds


def unsupervised(folder: Path) -> float:
    """The same with two workers that nobody watches: the lease has to end."""
    home = Home(folder)
    workers = [subprocess.Popen(_command(folder, "default", f"w{n}"), stdin=subprocess.DEVNULL) for n in range(2)]
    try:
        with Listener(home.bells, "truth", "reconciler") as listener:
            reconciler = _reconciler(home, None)

            def turn() -> None:
                if not reconciler.step().read:
                    listener.wait(SETTINGS.poll_interval_s)

            return _kill_and_wait(home, turn)
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait(10)


def _reconciler(home: Home, fleet: ProcessFleet | None) -> Reconciler:
    return Reconciler(
        WORKFLOW,
        home.truth,
        home.intent,
        lambda _: True,
        home.clock,
        SETTINGS,
        belief=belief(WORKFLOW, home.intent, fleet),
        fleet=fleet,
        limits={"default": PoolLimits(2)},
        after_emit=home.intent_bell.ring,
    )


def _kill_and_wait(home: Home, turn: Callable[[], object]) -> float:
    item = new_item(0)
    home.truth.add([item], Cause("bench", "added"))
    _turn_until(turn, (home.folder / "first").exists)
    os.kill(int((home.folder / "first").read_text()), signal.SIGKILL)
    killed = time.monotonic()
    _turn_until(turn, (home.folder / "second").exists)
    _turn_until(turn, lambda: _is_completed(home))
    return float((home.folder / "second").read_text()) - killed


def _is_completed(home: Home) -> bool:
    (item,) = home.truth.get([new_item(0).key])
    return item is not None and item.stages["victim"].state is StageState.COMPLETED


def _turn_until(turn: Callable[[], object], done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not done():
        turn()
        if time.monotonic() > deadline:
            raise SystemExit("the job did not run in time")


def _command(folder: Path, pool: str, owner: str) -> list[str]:
    del pool
    return [sys.executable, str(HERE / "crash.py"), "--work", str(folder), owner]


def _write(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)


def main() -> None:
    """Measure and print; with ``--work``, be a worker."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", nargs=2, metavar=("FOLDER", "OWNER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(Path(options.work[0]), options.work[1])
        return
    seconds: dict[str, list[float]] = {"supervised": [], "unsupervised": []}
    for _ in range(options.rounds):
        for name, way in (("supervised", supervised), ("unsupervised", unsupervised)):
            folder = Path(tempfile.mkdtemp(prefix=f"tbie-crash-{name}-", dir=options.folder))
            try:
                seconds[name].append(way(folder))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    result = {"lease_s": LEASE_S, **{f"{name}_rerun_after_s": round(median(s), 3) for name, s in seconds.items()}}
    result |= {f"{name}_worst_s": round(max(s), 3) for name, s in seconds.items()}
    if options.json:
        print(json.dumps({"machine": machine(), **result}, indent=1))
    else:
        print(", ".join(f"{name} {value}" for name, value in {**machine(), **result}.items()))


if __name__ == "__main__":
    main()
