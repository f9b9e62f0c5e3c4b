"""Commands that change something: ingest, reconcile, worker. Replays are in ``campaign``."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from parjanya.catalog.discover import Walk, discover
from parjanya.cli.common import Common, Exit, UsageError, check_tenant, opened, say, show, show_json
from parjanya.home import Home
from parjanya.profiles.running import open_reconciler
from parjanya.workflow import POOL, VISION


def person() -> str:
    """Who is at the keyboard, for the history."""
    try:
        return f"operator:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"operator:uid{os.getuid()}"


def ingest(
    paths: Annotated[list[Path], Parameter(negative=())], /, *, tenant: str = "default", common: Common | None = None
) -> int:
    """Add images and return at once. A running `serve` or the next `curate` works on them.

    Parameters
    ----------
    paths
        Files, or folders to look through.
    tenant
        Whose images these are; tenants need not be made first.
    """
    common = common or Common()
    check_tenant(tenant)
    walk = Walk()
    with opened(common, must_exist=False) as system:
        found = discover(paths, [system.home.root], walk)
        done = system.take_in(tenant, found, person(), lambda _: system.truth_bell.ring())
    walk.problems += done.problems
    for path, problem in walk.problems:
        say(f"{path}: {problem}")
    if common.json:
        show_json(
            {
                "added": done.added,
                "changed": done.changed,
                "retried": done.retried,
                "known": done.known,
                "ignored": dict(walk.ignored),
                "problems": [{"path": path, "problem": problem} for path, problem in walk.problems],
            }
        )
    else:
        show(
            f"{done.added} added, {done.changed} changed, {done.retried} to be tried again, {done.known} known already"
        )
    return Exit.NOT_WELL if walk.problems else Exit.DONE


def reconcile(*, once: bool = False, common: Common | None = None) -> int:
    """Compare Truth with Intent now and repair the difference, trusting nothing.

    Parameters
    ----------
    once
        One pass, then return (for schedulers). Without it use `serve`.
    """
    common = common or Common()
    if not once:
        raise UsageError("`reconcile` needs --once; `serve` is the reconciler that goes on")
    with opened(common) as system:
        reconciler = open_reconciler(system)
        done = reconciler.step(force_sweep=True, grace_s=0.0)
        reconciler.close()
    swept = done.swept
    result = {
        "open": swept.open if swept else None,
        "sent": done.emitted.sent,
        "superseded": done.emitted.superseded,
        "exhausted": done.emitted.exhausted,
        "misrouted": done.emitted.misrouted,
        "barriers_lifted": swept.lifted if swept else None,
        "blind": done.blind,
    }
    if common.json:
        show_json(result)
    else:
        show(", ".join(f"{name} {value}" for name, value in result.items() if name != "blind"))
        for problem in done.blind:
            say(f"could not read: {problem}")
    return Exit.NOT_WELL if done.blind else Exit.DONE


def worker(*, pool: str = POOL, until_idle: bool = False, common: Common | None = None) -> int:
    """Be a worker of this home until stopped (Ctrl-C finishes the image at hand).

    Parameters
    ----------
    pool
        Which stages to execute.
    until_idle
        Leave when there is nothing to do.
    """
    common = common or Common()
    if pool not in (POOL, VISION):
        raise UsageError(f"there is no pool {pool!r}; pools: {POOL}, {VISION}")
    with opened(common) as system:  # a home that cannot be used is one clear line, before anything starts
        if pool not in system.workflow.pools:
            words = system.declared.words()
            raise UsageError(f"this home has no pool {pool!r}: its engine is {words}, which the pool {POOL!r} runs")
    from parjanya.profiles.worker_process import run_worker

    done = run_worker(
        Home(common.root), f"{pool}-cli-{os.getpid()}", supervised=False, until_idle=until_idle, pool=pool
    )
    if common.json:
        show_json({"done": done})
    else:
        show(f"{done} results written")
    return Exit.DONE
