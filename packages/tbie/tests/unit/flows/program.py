"""A small system of two pools over one folder: ``cut`` runs items one by one, ``see`` as a flow. Also its worker process.

What a flow does with an item is said by the item's attribute ``does``: nothing special, ``exit``, ``hang``.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from tbie.backends.sqlite.belief import belief
from tbie.backends.sqlite.bell import Bell, Listener
from tbie.backends.sqlite.execution import Death, ProcessFleet
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.slot import Slot
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import SystemClock
from tbie.core.ids import RandomIds
from tbie.core.outcome import Completed, Outcome
from tbie.core.settings import Settings
from tbie.engine import Engine
from tbie.execution import AsTheyCome, Begin, Handlers, OneByOne, Work
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.loop import Reconciler
from tbie.worker import Worker, settle_death
from tbie.worker.runner import Runner
from tbie.workflow import RetryPolicy, Stage, Workflow

RETRY = RetryPolicy(max_receives=3, backoff_base_s=0.01)
WORKFLOW = Workflow(
    "two_pools",
    (
        Stage("cut", "v1", "images", retry=RETRY),
        Stage("see", "v1", "vision", ("cut",), retry=RETRY, max_run_s=1.0, claim_batch=16),
    ),
)
SETTINGS = Settings(
    visibility_timeout_s=60.0, sweep_interval_s=1.0, heartbeat_interval_s=0.5, idle_exit_s=60.0, poll_interval_s=0.1
)
WORN_AFTER = "worn-after"
"""A file whose presence makes a process of ``vision`` worn after its first flow."""


class Home:
    """The stores and bells of one folder, as each process opens them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.ids = folder, SystemClock(), RandomIds()
        self.truth = SqliteTruth(folder / "truth.db", WORKFLOW, self.clock, self.ids, synchronous="OFF")
        self.intent = SqliteIntent(folder / "intent.db", self.clock, SETTINGS.retention_s)
        self.truth_bell, self.intent_bell = Bell(folder / "bells", "truth"), Bell(folder / "bells", "intent")
        self.deaths: list[Death] = []

    def bury(self, death: Death) -> None:
        """As a supervisor does."""
        self.deaths.append(death)
        settle_death(death.owner, death.suspects, WORKFLOW, self.truth, self.intent, death.reason, death.evidence)
        self.intent_bell.ring()
        self.truth_bell.ring()

    def fleet(self) -> ProcessFleet:
        """Processes of this program."""
        return ProcessFleet(self.folder / "run", partial(_command, self.folder), self.bury, self.clock, self.ids)

    def reconciler(self, fleet: ProcessFleet) -> Reconciler:
        """Up to two workers that cut, and one that sees."""
        return Reconciler(
            WORKFLOW,
            self.truth,
            self.intent,
            lambda _: True,
            self.clock,
            SETTINGS,
            belief=belief(WORKFLOW, self.intent, fleet),
            fleet=fleet,
            limits={"images": PoolLimits(2), "vision": PoolLimits(1)},
            after_emit=self.intent_bell.ring,
        )

    def engine(self, fleet: ProcessFleet, listener: Listener) -> Engine:
        """Everything together."""
        return Engine(self.reconciler(fleet), fleet, listener.wait, SETTINGS)


def cut(work: Work) -> Outcome:
    """Facts that say which process made them."""
    return Completed({"cut": work.key.item, "pid": os.getpid()})


def see(works: Sequence[Work], begin: Begin) -> Iterator[tuple[int, Outcome]]:
    """All works in one piece."""
    begin(range(len(works)))
    for position, work in enumerate(works):
        match work.attributes.get("does"):
            case "exit":
                sys.stderr.write(f"the decoder gave up on {work.key.item}\n")
                sys.stderr.flush()
                os._exit(7)
            case "hang":
                signal.pause()
            case _:
                yield position, Completed({"see": work.key.item, "pid": os.getpid(), "with": len(works)})


def complain(trouble: object) -> None:
    """To the log, which is the evidence if this process dies."""
    sys.stderr.write(f"{trouble}\n")


def run(folder: Path, pool: str, owner: str) -> None:
    """Be a worker."""
    home = Home(folder)
    slot = Slot(folder / "run", owner, home.clock)

    def worn() -> str | None:
        return "it has seen enough" if (folder / WORN_AFTER).exists() else None

    handlers: Handlers = {"cut": OneByOne(cut), "see": AsTheyCome(see, worn)}
    stores = (home.truth, home.intent, home.clock, SETTINGS)
    with Listener(home.folder / "bells", "intent", owner) as listener:
        worker = Worker(
            owner, pool, WORKFLOW, handlers, *stores, progress=slot, after_commit=home.truth_bell.ring, flush_s=0.05
        )
        runner = Runner(
            worker,
            *stores,
            listener.wait,
            report=complain,
            follow_parent=True,
        )
        signal.signal(signal.SIGTERM, lambda *_: runner.stop())
        runner.run()
    slot.close()


def _command(folder: Path, pool: str, owner: str) -> list[str]:
    return [sys.executable, __file__, str(folder), pool, owner]


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
