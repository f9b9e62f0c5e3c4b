"""`serve`: the engine as a long-running platform, with health and metrics over HTTP. The API and the pages come here later."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Literal

from parjanya.cli.activating import use
from parjanya.cli.common import Common, Exit, UsageError, opened, say, workers_or_default
from parjanya.cli.doctor import guard
from parjanya.cli.engine import EngineOptions, choose
from parjanya.cli.naming import named
from parjanya.cli.working import DRAIN_S, Interrupt
from parjanya.profiles.environment import LOG_LEVEL
from parjanya.profiles.local import TRUTH_BELL
from parjanya.profiles.running import open_engine
from parjanya.profiles.system import System
from tbie.core.errors import HomeError, TruthUnavailableError
from tbie.logs import Format, configure
from tbie.reconciler.leader import Role
from tbie.reconciler.loop import COMPONENT
from tbie.truth import Heartbeat

PORT_MAX = 65_535


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8787,
    workers: int | None = None,
    standby: bool = False,
    policy: str | None = None,
    log_level: Literal["debug", "info", "warning"] = "warning",
    log_format: Literal["text", "json"] = "text",
    engine: EngineOptions | None = None,
    common: Common | None = None,
) -> int:
    """Reconcile, keep a fleet that scales from and to zero, and answer /healthz, /readyz and /metrics.

    Parameters
    ----------
    host
        Address to listen on. The default is reachable from this machine only.
    port
        Port to listen on; 0 takes a free one and says which.
    workers
        The most worker processes (default: one for each core, or PARJANYA_WORKERS).
    standby
        If another engine leads this home, wait until it has left or died, and take over.
    policy
        By which rules (file, built-in name or stored version); activated for everybody if another one is active.
    log_level
        What is said on standard error, and kept with what the workers say in the home: debug tells each item.
    log_format
        How it is said on standard error: text for people, json for programs.
    """
    common = common or Common()
    engine = (engine or EngineOptions()).check(common)
    from parjanya.api.app import make_app
    from parjanya.api.server import Server

    count = _checked(port, workers)
    interrupt = Interrupt()
    with opened(common, must_exist=False) as system:
        if not _lead(system, standby, interrupt):
            return Exit.DONE
        choose(system, engine)
        if policy is not None:
            use(system, named(system, policy), None)
        guard(system)
        configure(log_level, stream=sys.stderr, form=Format(log_format), file=system.home.events)
        os.environ[LOG_LEVEL] = log_level  # the workers that this process starts say as much
        system.tell("reconciler", str(os.getpid()))
        running = open_engine(system, count)
        server = Server(make_app(system), host, port)
        try:
            server.start()
            say(f"serving {system.home.root} on http://{host}:{server.port} (/healthz /readyz /metrics); Ctrl-C drains")
            running.engine.start()
            while not interrupt.asked:
                running.engine.turn()
        finally:
            left = running.engine.stop(DRAIN_S)
            server.stop()
            running.close()
            system.home.resign()
    if not left:
        say("some workers are still busy; they finish the image at hand and leave by themselves")
    return Exit.DONE


def _checked(port: int, workers: int | None) -> int:
    """How many workers, after what was asked for was looked at."""
    if not 0 <= port <= PORT_MAX:
        raise UsageError(f"a port is 0 (any free one) to {PORT_MAX}, not {port}")
    return workers_or_default(workers)


def _lead(system: System, standby: bool, interrupt: Interrupt) -> bool:
    """Lead this home, now or (with *standby*) as soon as nobody else does; False if told to stop first."""
    if system.home.lead():
        return True
    if not standby:
        raise HomeError(
            f"another engine leads {system.home.root}; stop it, use another home, or stand by for it (--standby)"
        )
    leads = _stand_by(system, interrupt)
    if leads:
        system.adopt()  # who led until now may have declared another engine
    return leads


def _stand_by(system: System, interrupt: Interrupt) -> bool:
    """Wait for the lock of the home; False if told to stop first."""
    say(f"standing by: another engine leads {system.home.root}; Ctrl-C leaves")
    beat_at_s, instance = system.clock.monotonic_s(), str(os.getpid())
    with system.listen(TRUTH_BELL, "standby") as listener:
        while not interrupt.asked:
            if system.home.lead():
                say("that engine has left; taking over")
                return True
            if system.clock.monotonic_s() >= beat_at_s:
                beat_at_s = system.clock.monotonic_s() + system.settings.heartbeat_interval_s
                with contextlib.suppress(TruthUnavailableError):  # the leader reports that; here it changes nothing
                    body = {"role": Role.STANDBY.value}
                    system.truth.beat(Heartbeat(COMPONENT, instance, system.clock.now_ms(), body))
            listener.wait(system.settings.poll_interval_s)
    return False
