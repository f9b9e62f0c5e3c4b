"""One tenant's 50,000 items, and another tenant's first: how much longer does it take than alone?

The kernel, embedded, with real worker processes and a handler that does nothing; an engine of its own process, as `serve` is.
The flood is added first; while it is being worked off, single items of other tenants come one after another, each timed from
the return of `add` until Truth says completed. The same with no flood. Prints both medians, the worst, and the ratio of the
medians; exits 1 above 2.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event

from tbie.backends.sqlite.belief import belief
from tbie.backends.sqlite.bell import Bell, Listener
from tbie.backends.sqlite.execution import Death, ProcessFleet
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.ledger import SqliteLedger
from tbie.backends.sqlite.slot import Slot
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.cause import Cause
from tbie.core.clock import SystemClock
from tbie.core.ids import RandomIds
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed
from tbie.core.settings import Settings
from tbie.engine import Engine
from tbie.execution import OneByOne
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.leader import Leadership
from tbie.reconciler.loop import Reconciler
from tbie.truth import NewItem, StageState
from tbie.worker import Worker, settle_death
from tbie.worker.runner import Runner
from tbie.workflow import Stage, Workflow

WORKFLOW = Workflow("fairness", (Stage("noop", "v1", claim_batch=16),))
SETTINGS = Settings(idle_exit_s=60.0)
LIMIT = 2.0
_PATIENCE_S = 120.0


class Home:
    """The stores and bells of one folder, opened by whichever process needs them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.ids = folder, SystemClock(), RandomIds()
        self.truth = SqliteTruth(folder / "truth.db", WORKFLOW, self.clock, self.ids)
        self.intent = SqliteIntent(folder / "intent.db", self.clock, SETTINGS.retention_s)
        self.ledger = SqliteLedger(folder / "ledger.db", SETTINGS.ledger_rows)
        self.bells = folder / "bells"
        self.truth_bell, self.intent_bell = Bell(self.bells, "truth"), Bell(self.bells, "intent")

    def bury(self, death: Death) -> None:
        """What the supervisor does with a worker that died."""
        settle_death(death.owner, death.suspects, WORKFLOW, self.truth, self.intent, death.reason, death.evidence)


def work(folder: Path, owner: str) -> None:
    """A worker process."""
    home = Home(folder)
    slot = Slot(folder, owner, home.clock)
    with Listener(home.bells, "intent", owner) as listener:
        handlers = {"noop": OneByOne(lambda _: Completed({}))}
        stores = (home.truth, home.intent, home.clock, SETTINGS)
        ring = home.truth_bell.ring
        worker = Worker(owner, "default", WORKFLOW, handlers, *stores, progress=slot, after_commit=ring)
        runner = Runner(worker, *stores, listener.wait, report=lambda trouble: print(trouble, file=sys.stderr))
        signal.signal(signal.SIGTERM, lambda *_: runner.stop())
        runner.run()
    slot.close()


def serve(folder: Path, workers: int, stop: Event) -> None:
    """The engine process."""
    home = Home(folder)
    fleet = ProcessFleet(folder, partial(_command, folder), home.bury, home.clock, home.ids)
    stores = (home.truth, home.intent, lambda _: True, home.clock, SETTINGS)
    with Listener(home.bells, "truth", "engine") as listener:
        reconciler = Reconciler(
            WORKFLOW,
            *stores,
            belief=belief(WORKFLOW, home.intent, fleet),
            fleet=fleet,
            limits={"default": PoolLimits(workers)},
            after_emit=home.intent_bell.ring,
            leadership=Leadership(home.truth, home.clock, SETTINGS, "bench", sole=True),
            ledger=home.ledger,
        )
        engine = Engine(reconciler, fleet, listener.wait, SETTINGS)
        engine.start()
        while not stop.is_set():
            engine.turn()
        engine.stop(20.0)


@contextmanager
def running(folder: Path, workers: int) -> Iterator[Home]:
    """A home with an engine that is warm: its workers have completed something."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    home = Home(folder)
    engine = context.Process(target=serve, args=(folder, workers, stop))
    engine.start()
    try:
        for number in range(3):
            first_item(home, f"warm{number}")
        yield home
    finally:
        stop.set()
        engine.join(30)
        if engine.is_alive():
            engine.terminate()


def first_item(home: Home, tenant: str) -> float:
    """Seconds from adding a tenant's first item until it is completed."""
    key = ItemKey(tenant, "first")
    home.truth.add([NewItem(key, Address("file", "/x"), {})], Cause("bench", "added"))
    home.truth_bell.ring()
    begun = time.monotonic()
    while True:
        (item,) = home.truth.get([key])
        if item is not None and item.stages["noop"].state is StageState.COMPLETED:
            return time.monotonic() - begun
        if time.monotonic() - begun > _PATIENCE_S:
            raise SystemExit(f"the item of {tenant} was not done in {_PATIENCE_S} s")
        time.sleep(0.002)


def flood(home: Home, items: int) -> None:
    """Add the flood as an ingest does, in groups."""
    new = [NewItem(ItemKey("flood", f"{n:06}"), Address("file", f"/{n}"), {}) for n in range(items)]
    for first in range(0, items, 1_000):
        home.truth.add(new[first : first + 1_000], Cause("bench", "added"))
    home.truth_bell.ring()


def left(home: Home) -> int:
    """Items of the flood that are still open."""
    return home.truth.tally("flood").get(("flood", "noop", StageState.PENDING), 0)


def measure(folder: Path, items: int, samples: int, workers: int) -> dict[str, object]:
    """Unloaded, then loaded, in the same home."""
    with running(folder, workers) as home:
        alone = [first_item(home, f"alone{n}") for n in range(samples)]
        flood(home, items)
        loaded, remaining = [], []
        for n in range(samples):
            loaded.append(first_item(home, f"loaded{n}"))
            remaining.append(left(home))
    if min(remaining) == 0:
        raise SystemExit("the flood was over before the last sample: give it more items")
    return {
        "alone_p50_ms": round(1000 * statistics.median(alone), 1),
        "alone_max_ms": round(1000 * max(alone), 1),
        "loaded_p50_ms": round(1000 * statistics.median(loaded), 1),
        "loaded_first_ms": round(1000 * loaded[0], 1),
        "loaded_max_ms": round(1000 * max(loaded), 1),
        "flood_left_at_the_end": remaining[-1],
        "ratio_p50": round(statistics.median(loaded) / statistics.median(alone), 2),
    }


def _command(folder: Path, pool: str, owner: str) -> list[str]:
    del pool
    return [sys.executable, str(Path(__file__)), "--work", str(folder), owner]


def main() -> int:
    """Measure and print; with ``--work``, be a worker."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=max(1, os.cpu_count() or 1))
    parser.add_argument("--folder", type=Path, default=None, help="where files are made: on the disk to be measured")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", nargs=2, metavar=("FOLDER", "OWNER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(Path(options.work[0]), options.work[1])
        return 0
    rounds = []
    for _ in range(options.rounds):
        folder = Path(tempfile.mkdtemp(prefix="tbie-fairness-", dir=options.folder))
        try:
            rounds.append(measure(folder, options.items, options.samples, options.workers))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(json.dumps(rounds[-1]) if options.json else rounds[-1], flush=True)
    ratio = statistics.median([float(str(r["ratio_p50"])) for r in rounds])
    print(f"items {options.items}, workers {options.workers}, rounds {options.rounds}: ratio {ratio} (limit {LIMIT})")
    return 1 if ratio > LIMIT else 0


if __name__ == "__main__":
    raise SystemExit(main())
