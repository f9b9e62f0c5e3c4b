"""`aws`: an instance on AWS, or on a local server of its interfaces. What is done with it then, every other command does.

Only for homes that say so, and lazily: without the extra ``parjanya[aws]`` these commands say what is missing, and no other does.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from parjanya.catalog.discover import Walk, discover
from parjanya.catalog.items import Ingested
from parjanya.cli.common import (
    Common,
    Exit,
    UsageError,
    check_tenant,
    opened,
    say,
    show,
    show_json,
)
from parjanya.cli.working import Interrupt, taking_in
from parjanya.home import Home
from parjanya.profiles.declared_profile import AwsPlace, declared_profile, write
from parjanya.profiles.system import System, open_system
from tbie.core.settings import Settings

amazon = App(name="aws", help="An instance on AWS: where it is, uploads, and whether it judges as the embedded one.")
amazon.command("parjanya.cli.aws_compare:compare_", name="compare")
amazon.command("parjanya.cli.aws_compare:demo_", name="demo")

Paths = Annotated[list[Path], Parameter(negative=())]
Functions = Annotated[Path | None, Parameter(env_var="PARJANYA_FUNCTIONS")]
_Origins = Annotated[list[str] | None, Parameter(name="--origin", negative=())]


@amazon.command(name="use")
def use_(*, region: str, prefix: str, bucket: str, endpoint: str | None = None, common: Common | None = None) -> int:
    """Point this home at an instance that was deployed, and open it once to see that it is there.

    Parameters
    ----------
    region
        Such as eu-central-1.
    prefix
        What the names of its tables and queues begin with.
    bucket
        Of uploads and previews.
    endpoint
        Where the interfaces are, for a server that is not AWS.
    """
    common = common or Common()
    _needed()
    home = Home(common.root)
    place = AwsPlace(region, prefix, bucket, endpoint)
    before = declared_profile(home)
    write(home, place)
    try:
        open_system(home, create=False).close()
    except BaseException:
        home.profile.unlink() if before is None else write(home, before)
        raise
    if common.json:
        show_json(place.to_json())
    else:
        show(f"{common.root} is the instance {prefix} in {region} from now on")
    return Exit.DONE


@amazon.command(name="up")
def up_(*, origin: _Origins = None, functions: Functions = None, common: Common | None = None) -> int:
    """Start a local server of AWS's interfaces for this home, and make tables, queues, bucket and functions there.

    It goes on in the background until `aws down`. Everything is in its memory: it is for trying and testing.

    Parameters
    ----------
    origin
        A page that may upload from browsers, such as http://localhost:8787; may be given several times.
    functions
        A folder with the packages of the functions to deploy (`./run` makes it; without one: none, an engine does their work).
    """
    common = common or Common()
    served, made = bring_up(Home(common.root), origin or [], functions)
    if common.json:
        show_json({"url": served.url, "pid": served.pid, "made": made})
    else:
        show(f"{made}; {served.url} (process {served.pid})")
        show(
            "next: `parjanya curate FOLDER`, or `parjanya serve` and `parjanya aws upload FOLDER`; `parjanya aws down` ends it"
        )
    return Exit.DONE


@amazon.command(name="down")
def down_(*, common: Common | None = None) -> int:
    """End the local server of this home. What it held is gone; an instance on an account is never touched."""
    common = common or Common()
    _needed()
    from parjanya.profiles import local_server

    home = Home(common.root)
    place = declared_profile(home)
    if place is not None and place.endpoint is None:
        raise UsageError(
            f"{common.root} is an instance on an account: its templates take it down, this command does not"
        )
    stopped = local_server.stop(home)
    if common.json:
        show_json({"stopped": stopped.pid if stopped else None})
    else:
        show(f"process {stopped.pid} has ended" if stopped else "no local server was running")
    return Exit.DONE


@amazon.command(name="upload")
def upload_(paths: Paths, /, *, tenant: str = "default", common: Common | None = None) -> int:
    """Upload images by signed requests, and return; an engine works on them. Interrupted, it goes on when it is run again.

    Parameters
    ----------
    paths
        Files, or folders to look through.
    tenant
        Whose images these are.
    """
    common = common or Common()
    check_tenant(tenant)
    walk, interrupt = Walk(), Interrupt()
    with on_aws(common) as system:
        done = _upload(system, paths, tenant, walk, interrupt)
    interrupt.restore()
    return told(common, done, walk, interrupt.asked)


def _upload(system: System, paths: list[Path], tenant: str, walk: Walk, interrupt: Interrupt) -> Ingested:
    files = takewhile(lambda _: not interrupt.asked, discover(paths, [system.home.root], walk))
    return taking_in(system, tenant, files, system.truth_bell.ring)


def told(common: Common, done: Ingested, walk: Walk, interrupted: bool) -> int:
    problems = [*walk.problems, *done.problems]
    if common.json:
        counts = {"added": done.added, "changed": done.changed, "retried": done.retried, "known": done.known}
        told = [{"path": path, "problem": problem} for path, problem in problems]
        show_json({**counts, "ignored": dict(walk.ignored), "problems": told, "interrupted": interrupted})
    else:
        for path, problem in problems:
            say(f"{path}: {problem}")
        known = f"{done.retried} to be tried again, {done.known} known already"
        show(f"{done.added} uploaded, {done.changed} changed, {known}, {len(problems)} could not be")
        if interrupted:
            say("interrupted: run the same command again and it goes on from here")
    return Exit.NOT_WELL if problems or interrupted else Exit.DONE


def bring_up(home: Home, origins: list[str], functions: Path | None = None) -> tuple[Any, str]:
    """The local server of *home*, with everything made; and what that is, in a line."""
    _needed()
    from parjanya.profiles import local_server
    from parjanya.profiles.aws import connect
    from parjanya.profiles.deploying import deploy
    from parjanya.profiles.environment import CLOUD, PROFILE, from_environment
    from parjanya.profiles.local_functions import FUNCTIONS, LocalFunctions
    from parjanya.workflow import image_workflow

    place = declared_profile(home)
    if place is not None and place.endpoint is None:
        raise UsageError(f"{home.root} is an instance on an account; choose another home with --home or PARJANYA_HOME")
    settings: Settings = from_environment(defaults=PROFILE if functions is None else CLOUD)
    served = local_server.start(home)
    place = declared_profile(home)
    assert place is not None, "whoever starts a server declares it"
    clients = connect(home, place)
    try:
        made = deploy(clients, settings, origins)
        if functions is not None:
            LocalFunctions(clients, image_workflow()).deploy(functions)
            write(home, replace(place, functions=True))
            made = f"{made}, functions {', '.join(FUNCTIONS)}"
    finally:
        clients.close()
    return served, made


def take_down(home: Home) -> Any:
    """End the local server of *home*; what was ended, None if none was running."""
    from parjanya.profiles import local_server

    place = declared_profile(home)
    if place is not None and place.endpoint is None:
        raise UsageError(f"{home.root} is an instance on an account: its templates take it down, this command does not")
    return local_server.stop(home)


@contextmanager
def on_aws(common: Common) -> Iterator[System]:
    with opened(common) as system:
        if system.profile.name != "aws":
            raise UsageError(
                f"{common.root} holds an embedded instance; `parjanya aws up` begins one on a local server"
            )
        yield system


def _needed() -> None:
    if importlib.util.find_spec("boto3") is None:
        raise UsageError("boto3 is not installed here: pip install 'parjanya[aws]'")
