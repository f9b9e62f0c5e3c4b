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
from tbie.core.keys import Address, ItemKey

LOOK_S = 0.5
"""How often it is seen to the workers, and to what is still open."""
LOOKED_AT = 100
"""Uploads of which one look asks whether they have become items."""


def work_by_functions(
    system: System, path: Path, tenant: str, workers: int, walk: Walk, interrupt: Interrupt
) -> tuple[Ingested, bool]:
    """Upload all images under *path*, and wait until functions and workers have settled them; False if interrupted."""
    assert isinstance(system.profile, Aws), "functions are part of that profile alone"
    done, coming = Ingested(), dict[ItemKey, Address]()
    files = takewhile(lambda _: not interrupt.asked, discover([path], [system.home.root], walk))
    crew = open_crew(system, workers)
    try:
        say("uploading …")
        with progress(None, sys.stderr, system.clock) as shown:
            for sent in system.profile.upload(tenant, files, done):
                coming |= {each.item.key: each.item.address for each in sent}
                done.known += sum(each.there for each in sent)
                shown.update(done=len(coming))
                crew.supervise()
        walk.problems += done.problems
        say(
            "functions and workers do the rest; the sweep, after which a shoot is compared as a whole, comes once a minute"
        )
        done.added = len(coming) - done.known
        settled = watch(
            system, tenant, lambda: interrupt.asked, lambda: _see_to(crew), lambda: _on_its_way(system, coming)
        )
        crew.drain()
        crew.wait(DRAIN_S)
    except BaseException:
        crew.drain()
        raise
    return done, settled


def _on_its_way(system: System, coming: dict[ItemKey, Address]) -> bool:
    """Whether an upload is not yet its item's; strikes those that are from *coming*, some at each look."""
    keys = list(coming)[:LOOKED_AT]
    for key, item in zip(keys, system.truth.get(keys), strict=True):
        if item is not None and item.address == coming[key]:
            del coming[key]
    return bool(coming)


def _see_to(crew: OwnFleet) -> None:
    crew.supervise()
    if crew.boot_failures >= BOOT_FAILURES and crew.running == 0:
        raise CannotGoOnError(f"worker processes cannot start: {crew.last_boot_error}")
    threading.Event().wait(LOOK_S)


def passes_of(system: System) -> dict[str, int]:
    """How often each function has worked so far, by what it wrote into its log."""
    assert isinstance(system.profile, Aws), "functions are part of that profile alone"
    return LocalFunctions(system.profile.clients, system.workflow).passes()
