"""This project's kernel on SQLite: an engine that owns its workers, as the product runs it, with default settings.

``apart`` is for the zombie alone: two workers started by hand and a reconciler, so that nobody ends the stopped worker and
its lease has to. Under an engine a worker that overstays its stage's run time is killed, stopped or not.
"""

from __future__ import annotations

import signal
import sys
import time
from functools import partial
from typing import ClassVar, NoReturn

from benchmarks.peers.systems.protocol import Site, System
from tbie.backends.sqlite.belief import belief
from tbie.backends.sqlite.bell import Bell, Listener
from tbie.backends.sqlite.execution import Death, ProcessFleet
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.slot import Slot
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.cause import Cause
from tbie.core.clock import SystemClock
from tbie.core.ids import RandomIds
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed, Outcome
from tbie.core.reading import Known
from tbie.core.settings import Settings
from tbie.engine import Engine
from tbie.execution import OneByOne, Work
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.loop import Reconciler
from tbie.truth import NewItem
from tbie.worker import Worker, settle_death
from tbie.worker.runner import Runner
from tbie.workflow import Stage, Workflow

STAGE, POOL, TENANT = "work", "default", "peers"
_LEASE_S = 10.0
_QUEUED_PATIENCE_S = 60.0
_RUN_S = {"default": 20.0, "apart": 6.0}


class Instance:
    """The stores and bells of one home, opened by whichever process needs them."""

    def __init__(self, site: Site) -> None:
        self.site, self.clock, self.ids = site, SystemClock(), RandomIds()
        apart = site.setting == "apart"
        self.settings = Settings(visibility_timeout_s=_LEASE_S, idle_exit_s=600.0) if apart else Settings()
        stage = Stage(STAGE, "v1", owns=("pid",), max_run_s=_RUN_S[site.setting])
        self.workflow = Workflow("peers", (stage,))
        self.truth = SqliteTruth(site.home / "truth.db", self.workflow, self.clock, self.ids)
        self.intent = SqliteIntent(site.home / "intent.db", self.clock, self.settings.retention_s)
        self.run = site.home / "run"
        self.truth_bell, self.intent_bell = Bell(self.run, "truth"), Bell(self.run, "intent")

    def bury(self, death: Death) -> None:
        """What the supervisor does with a worker that died."""
        stores = (self.workflow, self.truth, self.intent)
        if settle_death(death.owner, death.suspects, *stores, death.reason, death.evidence):
            self.intent_bell.ring()
            self.truth_bell.ring()

    def reconciler(self, fleet: ProcessFleet | None = None) -> Reconciler:
        """The control plane; with a fleet it also says how many workers there should be."""
        return Reconciler(
            self.workflow,
            self.truth,
            self.intent,
            lambda _: True,
            self.clock,
            self.settings,
            belief=belief(self.workflow, self.intent, fleet),
            fleet=fleet,
            limits={POOL: PoolLimits(2, per_worker=1)} if fleet is not None else {},
            after_emit=self.intent_bell.ring,
        )

    def work(self, owner: str, *, supervised: bool) -> None:
        """Be a worker until stopped, orphaned or idle."""
        slot = Slot(self.run, owner, self.clock)

        def handle(work: Work) -> Outcome:
            return Completed({"pid": self.site.perform(int(work.key.item))})

        with Listener(self.run, "intent", owner) as listener:
            stores = (self.truth, self.intent, self.clock, self.settings)
            ring = self.truth_bell.ring
            handlers = {STAGE: OneByOne(handle)}
            worker = Worker(owner, POOL, self.workflow, handlers, *stores, progress=slot, after_commit=ring)
            report = partial(print, file=sys.stderr, flush=True)
            runner = Runner(worker, *stores, listener.wait, report=report, follow_parent=supervised)
            if not supervised:
                self.site.ready()
            runner.run()
        slot.close()

    def engine(self) -> NoReturn:
        """Reconcile and own up to two workers."""
        fleet = ProcessFleet(self.run, self._command, self.bury, self.clock, self.ids)
        with Listener(self.run, "truth", "engine") as listener:
            engine = Engine(self.reconciler(fleet), fleet, listener.wait, self.settings)
            engine.start()
            self.site.ready()
            while True:
                engine.turn()

    def reconcile(self) -> NoReturn:
        """Reconcile, and own nobody."""
        with Listener(self.run, "truth", "reconciler") as listener:
            reconciler = self.reconciler()
            self.site.ready()
            while True:
                if not reconciler.step().read:
                    listener.wait(self.settings.poll_interval_s)

    def _command(self, pool: str, owner: str) -> list[str]:
        return [sys.executable, "-m", "benchmarks.peers.systems.tbie_embedded", self.site.to_json(), pool, owner]


def _key(job: int) -> ItemKey:
    return ItemKey(TENANT, f"{job:06d}")


class Tbie(System):
    """See the module."""

    title = "this project, SQLite"
    settings: ClassVar[dict[str, str]] = {
        "default": "engine with 2 supervised workers, default settings (sweep each 10 s, lease 60 s); "
        f"a run may take {_RUN_S['default']:g} s",
        "apart": f"reconciler and 2 workers without a supervisor, lease {_LEASE_S:g} s",
    }
    cases: ClassVar[dict[str, tuple[str, ...]]] = {
        "flush": ("default",),
        "kill-process": ("default",),
        "kill-service": ("default",),
        "zombie": ("default", "apart"),
    }
    destroyed = "the whole queue: the file `intent.db` and its journal (unlink), engine and workers running"
    fencing = "each intent carries a token; Truth takes the result of the token that it holds now, and no other"

    @classmethod
    def services(cls, setting: str) -> tuple[str, ...]:
        return ("reconciler", "w0", "w1") if setting == "apart" else ("engine",)

    def setup(self) -> object:
        Instance(self.site)
        return None

    def enqueue(self) -> object:
        instance = Instance(self.site)
        items = [NewItem(_key(job), Address("file", f"/jobs/{job}"), {}) for job in range(self.site.jobs)]
        instance.truth.add(items, Cause("peers", "added"))
        instance.truth_bell.ring()
        deadline = time.monotonic() + _QUEUED_PATIENCE_S
        while (queued := self._queued(instance)) < self.site.jobs:
            if time.monotonic() > deadline:
                raise SystemExit(f"only {queued} of {self.site.jobs} intents were sent")
            time.sleep(0.05)
        return queued

    def destroy(self) -> object:
        pending = self._queued(Instance(self.site))
        for suffix in ("", "-wal", "-shm"):
            (self.site.home / f"intent.db{suffix}").unlink(missing_ok=True)
        return pending

    def serve(self) -> object:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        instance = Instance(self.site)
        match self.site.service:
            case "engine":
                instance.engine()
            case "reconciler":
                instance.reconcile()
            case owner:
                instance.work(owner, supervised=False)
        return None

    def record(self) -> object:
        instance = Instance(self.site)
        (item,) = instance.truth.get([_key(0)])
        assert item is not None
        stage = item.stages[STAGE]
        completions = [entry for entry in instance.truth.history(_key(0)) if entry.cause.why == "completed"]
        facts = stage.facts or {}
        return {"guarded": len(completions), "result_pid": facts.get("pid"), "state": stage.state.value}

    def _queued(self, instance: Instance) -> int:
        depth = instance.intent.depth(STAGE)
        return depth.value.live if isinstance(depth, Known) else 0


if __name__ == "__main__":
    Instance(Site.from_json(sys.argv[1])).work(sys.argv[3], supervised=True)
