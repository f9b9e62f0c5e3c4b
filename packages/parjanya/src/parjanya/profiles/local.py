"""What every profile uses of this machine: bells between its processes, the slots of its workers, and a fleet of processes.

An instance may be spread over many machines; on each of them processes wake each other and bury their dead like this.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from parjanya.home import Home
from parjanya.profiles import profile
from parjanya.profiles.engines import environment_of
from parjanya.profiles.hands import in_words, told
from parjanya.workflow import POOL, VISION
from tbie.backends.sqlite.bell import Bell, Listener
from tbie.backends.sqlite.execution import Death, ProcessFleet
from tbie.backends.sqlite.slot import SUFFIX, is_alive, read_slot
from tbie.logs.events import WARNING
from tbie.reconciler.fleet import PoolLimits
from tbie.worker import settle_death
from tbie.workflow import Workflow

if TYPE_CHECKING:
    from parjanya.profiles.system import System

TRUTH_BELL, INTENT_BELL = "truth", "intent"


def bell(home: Home, topic: str) -> profile.Bell:
    """Rings everybody on this machine who listens to *topic* of this home."""
    return Bell(home.run, topic)


def listener(home: Home, topic: str, name: str) -> profile.Listener:
    """Hears the bell of *topic*; *name* is this listener's own."""
    return Listener(home.run, topic, name)


def workers(home: Home) -> dict[str, str]:
    """The workers of this home alive on this machine, and what each is doing (``idle`` or ``stage item``)."""
    found = {}
    for path in sorted(home.run.glob(f"*{SUFFIX}")):
        if is_alive(path):
            doing = read_slot(path)
            found[path.name.removesuffix(SUFFIX)] = in_words(doing) if doing else "idle"
    return found


def default_workers() -> int:
    """One worker for each core this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1))


def process_fleet(system: System) -> profile.OwnFleet:
    """Worker processes of *system* on this machine, started when there is work."""
    command = partial(_command, system.home.root)
    return ProcessFleet(system.home.run, command, partial(bury, system), system.clock, system.ids, environment_of)


def limits(workflow: Workflow, workers: int) -> dict[str, PoolLimits]:
    """A model fills its device, a server is asked many things at once: one process of the pool vision is enough."""
    sizes = {POOL: PoolLimits(workers, per_worker=1), VISION: PoolLimits(1, per_worker=1)}
    return {pool: limit for pool, limit in sizes.items() if pool in workflow.pools}


def bury(system: System, death: Death) -> None:
    """Free what a dead worker held, and charge what it was working on."""
    suspects = death.suspects
    evidence = dict(death.evidence)
    if death.doing is not None:
        evidence["stage"] = death.doing.stage
    if system.events is not None:
        system.events.say(
            WARNING,
            "death",
            decision=suspects[0] if len(suspects) == 1 else None,
            owner=death.owner,
            reason=death.reason,
            **told(death),
        )
    args = (system.workflow, system.truth, system.intent, death.reason, evidence)
    if settle_death(death.owner, suspects, *args):
        system.intent_bell.ring()
        system.truth_bell.ring()


def _command(root: Path, pool: str, owner: str) -> list[str]:
    return [sys.executable, "-m", "parjanya.profiles.worker_process", str(root), pool, owner]
