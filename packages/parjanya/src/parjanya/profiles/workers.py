"""Workers of an instance: what a process of its fleet on this machine claims, attests and runs.

Caller: ``worker_process``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from parjanya.imaging.limits import Limits
from parjanya.profiles.manifest import MANIFEST, Manifest, attest, this_machine
from parjanya.profiles.system import System
from parjanya.workflow import POOL, VISION
from tbie.backends.sqlite.slot import Slot
from tbie.core.errors import TbieError
from tbie.execution import Drift
from tbie.truth import Heartbeat
from tbie.worker import Worker

Check = Callable[[], Drift | None]


def open_worker(
    system: System,
    name: str,
    slot: Slot,
    limits: Limits,
    pool: str = POOL,
    around: Callable[[Check], Check] = lambda check: check,
) -> Worker:
    """A worker of *pool* on this machine; *around* adds to how it attests.

    One of the pool vision opens the declared engine to attest it, which may take minutes.
    """

    def check() -> Drift | None:
        declared = system.truth.read_meta(MANIFEST)
        drift = attest(Manifest.from_json(declared) if declared else None, this_machine(system.workflow))
        if drift is None and pool == VISION and system.engine is not None:
            return system.engine.attest()
        return drift

    return Worker(
        name,
        pool,
        system.workflow,
        system.handlers(limits),
        system.truth,
        system.intent,
        system.clock,
        system.settings,
        attest=around(check),
        progress=slot,
        after_commit=system.truth_bell.ring,
        refresh=system.refresh,
    )


@contextmanager
def said_to_load(system: System, name: str, pool: str) -> Iterator[None]:
    """While this lasts, heartbeats say that worker *name* loads what it needs: a long boot is no silence."""
    body = {"pool": pool, "state": "loading", "done": 0, "pid": os.getpid(), "started_ms": system.clock.now_ms()}
    ready = threading.Event()

    def beat() -> None:
        while not ready.wait(system.settings.heartbeat_interval_s):
            with suppress(TbieError):  # a store that is away is told by the worker itself, as soon as it is one
                system.truth.beat(Heartbeat("worker", name, system.clock.now_ms(), body))

    thread = threading.Thread(target=beat, name="loading", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ready.set()
        thread.join()
