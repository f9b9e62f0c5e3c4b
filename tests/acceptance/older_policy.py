"""`parjanya` as it was before a rule became stricter: its *curate* stage keeps every image, under a version of its own.

Everything else is the product: engine, fleet, supervisor, queue. Run as a worker of its own fleet when its first argument is
``--worker``.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from parjanya.cli.main import main
from parjanya.home import Home
from parjanya.policy.rules import Default, Policy
from parjanya.profiles import local, system, worker_process
from parjanya.stages import curate
from parjanya.workflow import image_workflow
from tbie.execution import BatchHandler
from tbie.workflow import Workflow

KEEPS_ALL = Policy("culling", "older", (), Default("keep", "nothing_against_it", "nothing speaks against it"))

_real_workflow, _real_handler = image_workflow, curate.make_batch_handler


def older_workflow() -> Workflow:
    """The real one, with an older version of *curate*."""
    real = _real_workflow()
    stages = (dataclasses.replace(s, version="older") if s.name == curate.NAME else s for s in real.stages)
    return Workflow(real.name, tuple(stages))


def older_handler(_: object = None) -> BatchHandler:
    """The real one, without a rule."""
    return _real_handler(lambda _: KEEPS_ALL)


def fleet_of_this_program(root: Path, pool: str, owner: str) -> list[str]:
    """Workers are this program again."""
    return [sys.executable, __file__, "--worker", str(root), pool, owner]


if __name__ == "__main__":
    vars(system)["image_workflow"] = older_workflow
    curate.make_batch_handler = older_handler  # type: ignore[assignment]
    local._command = fleet_of_this_program
    if sys.argv[1:2] == ["--worker"]:
        worker_process.run_worker(Home(Path(sys.argv[2])), sys.argv[4], supervised=True)
    else:
        main()
