"""Planted defects of versions and flows; ``mutants`` has the others, and the list."""

from __future__ import annotations

from typing import Any

from tbie.sim.actors import fleet as sim_fleet
from tbie.worker.settling import settle_death
from tbie.worker.worker import Worker

Patch = tuple[object, str, Any]
"""Where, what, and what instead."""


def one_version_for_all() -> list[Patch]:
    load = Worker._load

    def of_nobody(self: Worker, *args: Any) -> Any:
        jobs = load(self, *args)
        for job in jobs:
            job.version = self._workflow.version(job.record.stage, "")
        return jobs

    return [(Worker, "_load", of_nobody)]


def several_go_free() -> list[Patch]:
    def lenient(owner: str, suspects: tuple[str, ...], *rest: Any) -> int:
        return settle_death(owner, suspects if len(suspects) == 1 else (), *rest)

    return [(sim_fleet, "settle_death", lenient)]
