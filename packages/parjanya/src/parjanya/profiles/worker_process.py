"""A worker process of a fleet on this machine: ``python -m parjanya.profiles.worker_process HOME POOL OWNER``.

Started by ``ProcessFleet``; by ``doctor`` with ``HOME --check``. It limits itself before it touches a byte of anybody's
file. What it prints is kept in its log and becomes evidence if it dies. One of the pool ``vision`` is held to less, because a
model needs more, and it sees previews only, which are of our own making.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from parjanya.imaging.limits import Limits, apply_model_process_limits, apply_process_limits

if __name__ == "__main__":
    gc.disable()  # what imports make stays; looking for garbage among it costs a tenth of a start
if __name__ == "__main__" and sys.argv[2:3] != ["vision"]:
    apply_process_limits()  # before numpy is imported: it asks for its threads, and their memory, only once

from parjanya.home import Home
from parjanya.profiles.environment import LOG_LEVEL
from parjanya.profiles.local import INTENT_BELL, listener
from parjanya.profiles.manifest import MANIFEST, Manifest, attest, this_machine
from parjanya.profiles.system import System, open_system
from parjanya.profiles.workers import open_worker, said_to_load
from parjanya.vision.declared import Transformers
from parjanya.workflow import POOL, VISION
from tbie.backends.sqlite.slot import Slot
from tbie.core.errors import TbieError
from tbie.core.finding import Finding
from tbie.core.settings import Settings
from tbie.logs import configure
from tbie.logs.events import LEVELS
from tbie.worker.runner import Runner

RECYCLE_AFTER = 5_000
"""Items after which a process makes room for a fresh one: native decoders leak slowly."""


NO_INSTANCE = "AWS_EC2_METADATA_DISABLED"
"""AWS's own word for a machine that is none of its instances: a worker of an account there protects nothing."""

MODEL_IDLE_S, SERVER_IDLE_S = 300.0, 60.0
"""How long a worker of the pool vision stays without work: loading a model takes a minute, meeting a server a second."""


def run_worker(home: Home, owner: str, *, supervised: bool, until_idle: bool = False, pool: str = POOL) -> int:
    """Be a worker named *owner* until stopped, orphaned (if *supervised*) or idle; returns how many results it wrote."""
    limits = Limits()
    if pool == VISION:
        apply_model_process_limits()
    else:
        apply_process_limits(limits)
    system = open_system(home, create=False)  # a worker that finds no Truth must not begin an empty one
    level = os.environ.get(LOG_LEVEL, "")
    if level in LEVELS:  # to the file alone: the error stream of a worker is the evidence when it dies
        configure(level, file=home.events)
        system.tell("worker", owner)
    if not (system.profile.owns_workers or os.environ.get(NO_INSTANCE, "").lower() == "true"):
        return _serve_instance(system, pool, limits)
    slot = Slot(home.run, owner, system.clock)
    with listener(home, INTENT_BELL, owner) as heard:
        with said_to_load(system, owner, pool) if pool == VISION else nullcontext():
            worker = open_worker(system, owner, slot, limits, pool)
        runner = Runner(
            worker,
            system.truth,
            system.intent,
            system.clock,
            _patient(system) if pool == VISION else system.settings,
            heard.wait,
            report=_report,
            recycle_after=RECYCLE_AFTER,
            follow_parent=supervised,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: runner.stop())
        runner.run(until_idle)
    slot.close()
    system.close()
    return worker.done


def _serve_instance(system: System, pool: str, limits: Limits) -> int:
    """The same on an instance of a group, which decides when it may work and how long it stays."""
    from parjanya.profiles.on_instance import run_on_instance  # noqa: PLC0415 - for instances on an account

    with listener(system.home, INTENT_BELL, f"{pool}-{os.getpid()}") as heard:
        done, status = run_on_instance(system, pool, limits, heard.wait, _report, recycle_after=RECYCLE_AFTER)
    system.close()
    if status:
        sys.exit(status)
    return done


def _patient(system: System) -> Settings:
    """The settings of a process that is dear to start."""
    least_s = MODEL_IDLE_S if isinstance(system.declared, Transformers) else SERVER_IDLE_S
    return replace(system.settings, idle_exit_s=max(system.settings.idle_exit_s, least_s))


def _report(problem: Finding | TbieError) -> None:
    if isinstance(problem, Finding):
        evidence = {known.name: known.value for known in problem.evidence}
        print(f"{problem.code}: {problem.next_step} {evidence}", file=sys.stderr, flush=True)  # noqa: T201
    else:
        print(f"{type(problem).__name__}: {problem}", file=sys.stderr, flush=True)  # noqa: T201


def check_worker(home: Home) -> int:
    """Come up as a worker does, attest, and leave without taking work: what ``doctor`` starts (incidents 6a and 6b).

    Exit status 0 with what this machine is as JSON, 1 with one line of what is wrong.
    """
    try:
        system = open_system(home, create=False)
    except TbieError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    try:
        for stage in system.workflow.in_pool(POOL):
            system.settings.check_stage(stage.name, stage.max_run_s)
        found, declared = this_machine(system.workflow), system.truth.read_meta(MANIFEST)
        drift = attest(Manifest.from_json(declared) if declared else None, found)
        handlers = system.handlers(Limits())
    except TbieError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        system.close()
    missing = [stage.name for stage in system.workflow.in_pool(POOL) if stage.name not in handlers]
    if drift or missing:
        told = dict(drift.differences) if drift else {"stages without a handler": missing}
        print(f"execution_drift: this worker would decline all work: {told}", file=sys.stderr)  # noqa: T201
        return 1
    print(json.dumps(dict(found.components)))  # noqa: T201
    return 0


if __name__ == "__main__":
    gc.enable()
if __name__ == "__main__" and sys.argv[2:] == ["--check"]:
    sys.exit(check_worker(Home(Path(sys.argv[1]))))
if __name__ == "__main__":
    run_worker(Home(Path(sys.argv[1])), sys.argv[3], supervised=True, pool=sys.argv[2])
