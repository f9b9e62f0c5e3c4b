"""A complete reconciling system in one file: text invoices → parsed → checked → booked.

What an engineer writes to put a workload on the kernel: stages (data), handlers (functions), and one composition root.
Run it on a folder of ``*.txt`` files with lines like ``total: 120`` and ``order: 7``.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tbie.backends.sqlite.belief import belief
from tbie.backends.sqlite.bell import Bell, Listener
from tbie.backends.sqlite.execution import Death, ProcessFleet
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.objects import LocalObjects
from tbie.backends.sqlite.slot import Slot
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.cause import Cause
from tbie.core.clock import SystemClock
from tbie.core.ids import RandomIds
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed, Outcome, TerminalFailure
from tbie.core.settings import Settings
from tbie.engine import Engine
from tbie.execution import OneByOne, Work
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.loop import Reconciler
from tbie.truth import NewItem
from tbie.worker import Worker, settle_death
from tbie.worker.runner import Runner
from tbie.workflow import Stage, Workflow

# -- what the work is: data and functions ------------------------------------------------------------------------------

WORKFLOW = Workflow(
    "invoices",
    (
        Stage("parse", version="1", owns=("total", "order"), max_run_s=10, claim_batch=10),
        Stage("check", version="1", needs=("parse",), owns=("over_limit",), max_run_s=10),
        Stage("book", version="1", needs=("check",), owns=("entry",), max_run_s=10),
    ),
)


def parse(work: Work) -> Outcome:
    """Read ``name: number`` lines; a file without a total can never be parsed, however often it is tried."""
    fields = {}
    for line in Path(work.address.key).read_text().splitlines():
        name, colon, value = line.partition(":")
        if colon and value.strip().isdigit():
            fields[name.strip()] = int(value)
    if "total" not in fields:
        return TerminalFailure("no_total", retriable=False, evidence={"fields": sorted(fields)})
    if "crash" in fields:
        os.kill(os.getpid(), signal.SIGKILL)  # what a broken native library does; only this invoice may suffer
    return Completed({"total": fields["total"], "order": fields.get("order")})


def check(work: Work) -> Outcome:
    """A rule over the facts of another stage."""
    total = work.facts["parse"]["total"]
    assert isinstance(total, int)
    return Completed({"over_limit": total > 1000})


def book(work: Work) -> Outcome:
    """The effect. Its name is derived from the item, so doing it twice would be doing it once."""
    return Completed({"entry": f"{work.key.item}-{work.facts['parse']['total']}"})


HANDLERS = {"parse": OneByOne(parse), "check": OneByOne(check), "book": OneByOne(book)}

# -- how it runs: the composition root ---------------------------------------------------------------------------------


class System:
    """The stores of one folder."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.home = folder / ".home"
        self.run = self.home / "run"
        self.run.mkdir(parents=True, exist_ok=True)
        self.clock, self.ids, self.settings = SystemClock(), RandomIds(), settings
        self.truth = SqliteTruth(self.home / "truth.db", WORKFLOW, self.clock, self.ids)
        self.intent = SqliteIntent(self.home / "intent.db", self.clock, settings.retention_s)
        self.objects = LocalObjects(self.home / "objects", {"file": Path})
        self.truth_bell, self.intent_bell = Bell(self.run, "truth"), Bell(self.run, "intent")

    def bury(self, death: Death) -> None:
        """A worker died: what it held goes back at once; what it was working on has used up an attempt."""
        settle_death(death.owner, death.suspects, WORKFLOW, self.truth, self.intent, death.reason, death.evidence)
        self.intent_bell.ring()

    def work(self, owner: str) -> None:
        """Be a worker process."""
        slot = Slot(self.run, owner, self.clock)
        with Listener(self.run, "intent", owner) as listener:
            worker = Worker(
                owner, "default", WORKFLOW, HANDLERS, self.truth, self.intent, self.clock, self.settings,
                progress=slot, after_commit=self.truth_bell.ring,
            )  # fmt: skip
            runner = Runner(
                worker, self.truth, self.intent, self.clock, self.settings, listener.wait,
                report=lambda problem: print(problem, file=sys.stderr), follow_parent=True,
            )  # fmt: skip
            signal.signal(signal.SIGTERM, lambda *_: runner.stop())
            runner.run()
        slot.close()

    def settle(self, files: list[Path], workers: int) -> dict[str, int]:
        """Add files, then reconcile until nothing is open; returns how many stage records are in each state."""
        command = [sys.executable, __file__, str(self.home.parent), "--worker"]
        fleet = ProcessFleet(self.run, lambda _pool, owner: [*command, owner], self.bury, self.clock, self.ids)
        reconciler = Reconciler(
            WORKFLOW, self.truth, self.intent, self.objects.has, self.clock, self.settings,
            belief=belief(WORKFLOW, self.intent, fleet), fleet=fleet,
            limits={"default": PoolLimits(workers)}, after_emit=self.intent_bell.ring,
        )  # fmt: skip
        with Listener(self.run, "truth", f"engine-{os.getpid()}") as listener:
            engine = Engine(reconciler, fleet, listener.wait, self.settings)
            engine.start()
            items = [NewItem(ItemKey("default", f.name), Address("file", str(f)), {}) for f in files]
            self.truth.add(items, Cause("example", "found"))
            while any(n and not state.final for (_, _, state), n in self.truth.tally().items()):
                engine.turn()
            engine.stop(patience_s=10)
        counts: dict[str, int] = {}
        for (_, _, state), n in self.truth.tally().items():
            counts[state.value] = counts.get(state.value, 0) + n
        return counts


def main(arguments: list[str]) -> None:
    """``FOLDER`` settles it; ``FOLDER --worker OWNER`` is what the fleet starts."""
    folder = Path(arguments[0]).absolute()
    system = System(folder, Settings(idle_exit_s=2.0, sweep_interval_s=1.0, sweep_grace_s=0.5))
    if arguments[1:2] == ["--worker"]:
        system.work(arguments[2])
    else:
        print(system.settle(sorted(folder.glob("*.txt")), workers=2))


if __name__ == "__main__":
    main(sys.argv[1:])
