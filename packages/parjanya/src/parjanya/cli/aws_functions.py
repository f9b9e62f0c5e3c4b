"""Working with deployed functions: this command uploads and keeps workers alive; everything else is theirs.

Nothing is added to Truth, emitted or swept from here: whatever becomes of an upload came through S3's news, the stream and the
schedule. Caller: ``aws demo``, beside a local server.
"""

from __future__ import annotations

import sys
import threading
from itertools import takewhile
from pathlib import Path

from parjanya.catalog.discover import Walk, discover
from parjanya.catalog.items import Ingested
from parjanya.cli.common import say
from parjanya.cli.progress import progress
from parjanya.cli.working import BOOT_FAILURES, DRAIN_S, CannotGoOnError, Interrupt, watch
from parjanya.profiles.aws import Aws
from parjanya.profiles.local_functions import LocalFunctions
from parjanya.profiles.profile import OwnFleet
from parjanya.profiles.running import open_crew
from parjanya.profiles.system import System

LOOK_S = 0.5
"""How often it is seen to the workers, and to what is still open."""


def work_by_functions(
    system: System, path: Path, tenant: str, workers: int, walk: Walk, interrupt: Interrupt
) -> tuple[Ingested, bool]:
    """Upload all images under *path*, and wait until functions and workers have settled them; False if interrupted."""
    assert isinstance(system.profile, Aws), "functions are part of that profile alone"
    done, there = Ingested(), 0
    files = takewhile(lambda _: not interrupt.asked, discover([path], [system.home.root], walk))
    crew = open_crew(system, workers)
    try:
        say("uploading …")
        with progress(None, sys.stderr, system.clock) as shown:
            for sent in system.profile.upload(tenant, files, done):
                there += len({each.item.key for each in sent})
                shown.update(done=there)
                crew.supervise()
        walk.problems += done.problems
        say(
            "functions and workers do the rest; the sweep, after which a shoot is compared as a whole, comes once a minute"
        )
        settled = watch(system, tenant, lambda: interrupt.asked, lambda: _see_to(crew), at_least=there)
        crew.drain()
        crew.wait(DRAIN_S)
    except BaseException:
        crew.drain()
        raise
    done.added = there
    return done, settled


def _see_to(crew: OwnFleet) -> None:
    crew.supervise()
    if crew.boot_failures >= BOOT_FAILURES and crew.running == 0:
        raise CannotGoOnError(f"worker processes cannot start: {crew.last_boot_error}")
    threading.Event().wait(LOOK_S)


def passes_of(system: System) -> dict[str, int]:
    """How often each function has worked so far, by what it wrote into its log."""
    assert isinstance(system.profile, Aws), "functions are part of that profile alone"
    return LocalFunctions(system.profile.clients, system.workflow).passes()
