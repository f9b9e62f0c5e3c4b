"""`parjanya`, with workers that meet what no test image does reliably: a file on which the decoder crashes, or never returns.

A file named ``crash…`` kills its worker with SIGKILL, one named ``hang…`` keeps it in an endless loop. If there is neither,
the first worker of a home hangs on its first image. Everything else is the product: engine, fleet, supervisor, queue.
Run as a worker of its own fleet when its first argument is ``--worker``.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import threading
from pathlib import Path

from parjanya.catalog.sources import LOCAL_FILES, Sources
from parjanya.cli.main import main
from parjanya.home import Home
from parjanya.imaging.limits import DEFAULT_LIMITS, Limits
from parjanya.profiles import local, system, worker_process
from parjanya.stages import technical
from parjanya.workflow import image_workflow
from tbie.core.outcome import Outcome
from tbie.execution import Handler, Work
from tbie.workflow import Workflow

MAX_RUN_S = 2.0

_real_workflow, _real_handler = image_workflow, technical.make_handler


def impatient_workflow() -> Workflow:
    """The real one, but a file may take `MAX_RUN_S` only if it is one that hangs."""
    limit = MAX_RUN_S if os.environ.get("ODD_IMPATIENT") else None
    real = _real_workflow()
    stages = (dataclasses.replace(s, max_run_s=limit) if limit and s.name == "technical" else s for s in real.stages)
    return Workflow(real.name, tuple(stages))


def odd_handler(limits: Limits = DEFAULT_LIMITS, sources: Sources = LOCAL_FILES) -> Handler:
    """The real one, except on the files named in this module's text."""
    handle = _real_handler(limits, sources)

    def odd(work: Work) -> Outcome:
        path = Path(work.address.key)
        if path.name.startswith("crash"):
            os.write(2, b"the decoder says its last words\n")
            os.kill(os.getpid(), signal.SIGKILL)
        named = any(path.parent.glob("hang*")) or any(path.parent.glob("crash*"))
        if path.name.startswith("hang") or (not named and _first_of_its_home()):
            os.write(2, b"first worker is inside its image\n")
            threading.Event().wait()
        return handle(work)

    return odd


def _first_of_its_home() -> bool:
    try:
        (Path(sys.argv[2]) / "first").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


if __name__ == "__main__":
    vars(system)["image_workflow"] = impatient_workflow
    if sys.argv[1] == "--worker":
        technical.make_handler = odd_handler
        worker_process.run_worker(Home(Path(sys.argv[2])), sys.argv[3], supervised=True)
    else:
        local._command = lambda root, pool, owner: [sys.executable, __file__, "--worker", str(root), owner]
        main()
