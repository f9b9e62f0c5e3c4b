"""The kernel under test: SQLite Truth with fsync, SQLite Intent, reconciler, two workers.

Nothing is left out of the life cycle: an item is added to Truth (fsync), the reconciler reads the change stream
and sends an intent, a worker claims it, runs the handler, commits facts with history to Truth (fsync), and only
then settles the intent.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from systems.protocol import System

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "packages" / "tbie" / "src"))

from tbie.backends.sqlite.bell import Bell, Listener
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.cause import Cause
from tbie.core.clock import SystemClock
from tbie.core.errors import TbieError
from tbie.core.finding import Finding
from tbie.core.ids import RandomIds
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed, Outcome
from tbie.core.reading import Known
from tbie.core.settings import Settings
from tbie.execution import Together, Work
from tbie.reconciler.loop import Reconciler
from tbie.truth import NewItem, StageState
from tbie.worker import Worker
from tbie.worker.runner import Runner
from tbie.workflow import Stage, Workflow

STAGE = "noop"
TENANT = "bench"
GROUP = 500
WORKFLOW = Workflow("bench", (Stage(STAGE, "v1", owns=("facts",), max_run_s=30.0, claim_batch=GROUP),))
FACTS = {"answer": 42, "text": "nothing was done, and this is what it says about that"}


class Tbie(System):
    """See the module."""

    settings = (
        f"Truth synchronous=FULL; adds, claims and commits in groups of up to {GROUP}; one process adds and "
        "reconciles; 2 workers; ends when every result is committed and the queue is empty"
    )
    durable = True
    settles = True
    synchronous = "FULL"

    def _stores(self) -> None:
        self.clock, self.config = SystemClock(), Settings()
        self.ids = RandomIds()
        self.truth = SqliteTruth(self.site.home / "truth.db", WORKFLOW, self.clock, self.ids, self.synchronous)
        self.intent = SqliteIntent(self.site.home / "intent.db", self.clock, self.config.retention_s)
        self.bells = self.site.home / "bells"

    def setup(self) -> None:
        self._stores()

    def open_producer(self) -> None:
        self._stores()
        self._truth_bell = Listener(self.bells, "truth", "reconciler")
        self.reconciler = Reconciler(
            WORKFLOW,
            self.truth,
            self.intent,
            lambda _: True,
            self.clock,
            self.config,
            after_emit=Bell(self.bells, "work").ring,
        )

    def produce(self, span: range) -> None:
        cause = Cause("bench", "added")
        for first in range(span.start, span.stop, GROUP):
            jobs = range(first, min(first + GROUP, span.stop))
            self.truth.add([new_item(job) for job in jobs], cause)
            self.reconciler.step()

    def idle(self) -> None:
        if not self.reconciler.step().read:
            self._truth_bell.wait(
                0.01
            )  # finer than the product's 0.25 s: this wait is also the resolution of the end time

    def settled(self, span: range) -> dict[str, object] | None:
        tally = self.truth.tally()
        if tally.get((TENANT, STAGE, StageState.COMPLETED), 0) < span.stop:
            return None
        depth = self.intent.depth(STAGE)
        if not isinstance(depth, Known) or depth.value.live or depth.value.dead:
            return None
        return {"completed": span.stop, "queued": 0}

    def verify(self, span: range) -> list[str]:
        wrong = []
        for job in span:
            who = [entry.cause.why for entry in self.truth.history(item_key(job))]
            if who != ["added", "completed"]:
                wrong.append(f"history of item {job}: {who}")
        (counted,) = self.truth._db.read("SELECT count(*) FROM history WHERE why = 'completed'")
        if counted[0] != span.stop:
            wrong.append(f"{counted[0]} completions for {span.stop} items")
        return wrong[:10]

    def open_worker(self) -> None:
        self._stores()
        marks = self.site.marks

        def run(works: Sequence[Work]) -> list[Outcome]:
            outcomes: list[Outcome] = []
            for work in works:
                marks.ran(int(work.key.item))
                outcomes.append(Completed(FACTS))
            return outcomes

        name = f"w{self.site.number}"
        ring = Bell(self.bells, "truth").ring
        worker = Worker(
            name,
            "default",
            WORKFLOW,
            {STAGE: Together(run)},
            self.truth,
            self.intent,
            self.clock,
            self.config,
            after_commit=ring,
        )
        wait = Listener(self.bells, "work", name).wait
        self.runner = Runner(worker, self.truth, self.intent, self.clock, self.config, wait, report=_report)

    def work(self) -> None:
        signal.signal(signal.SIGTERM, lambda *_: self.runner.stop())
        self.runner.run()


class TbieApart(Tbie):
    """The same for latency: whoever adds only rings a bell; the reconciler is a process of its own (worker 3)."""

    settings = "adder, reconciler and 2 workers in processes of their own, woken by bells; default intervals"
    processes = 3

    def open_producer(self) -> None:
        self._stores()
        self._ring = Bell(self.bells, "truth").ring

    def produce(self, span: range) -> None:
        self.truth.add([new_item(job) for job in span], Cause("bench", "added"))
        self._ring()

    def idle(self) -> None:
        System.idle(self)

    def open_worker(self) -> None:
        if self.site.number < 2:
            super().open_worker()
        else:
            super().open_producer()

    def work(self) -> None:
        if self.site.number < 2:
            super().work()
        while True:
            if not self.reconciler.step().read:
                self._truth_bell.wait(self.config.poll_interval_s)


def _report(trouble: Finding | TbieError) -> None:
    print(trouble, file=sys.stderr)


def item_key(job: int) -> ItemKey:
    """The key of item number *job*."""
    return ItemKey(TENANT, f"{job:08d}")


def new_item(job: int) -> NewItem:
    """Item number *job*, with attributes such as a photograph has."""
    path = f"/photos/2026/shoot/{job:08d}.jpg"
    return NewItem(
        item_key(job),
        Address("file", path),
        {"path": path, "size": 8_123_456, "mtime_ns": 1_700_000_000_000_000_000 + job},
    )
