"""Workers of the embedded profile: what a process of its fleet claims, attests and runs.

Caller: ``worker_process``.
"""

from __future__ import annotations

from parjanya.imaging.limits import Limits
from parjanya.profiles.embedded import System
from parjanya.profiles.manifest import MANIFEST, Manifest, attest, this_machine
from parjanya.workflow import POOL, VISION
from tbie.backends.sqlite.slot import Slot
from tbie.execution import Drift
from tbie.worker import Worker


def open_worker(system: System, name: str, slot: Slot, limits: Limits, pool: str = POOL) -> Worker:
    """A worker of *pool* on this machine.

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
        attest=check,
        progress=slot,
        after_commit=system.truth_bell.ring,
    )
