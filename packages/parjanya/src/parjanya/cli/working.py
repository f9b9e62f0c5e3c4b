"""Working until everything is settled: as the engine of the home, or as a client of the engine that leads it.

Callers: ``curate`` and, for signals and draining, ``serve``. Whoever leads may be killed at any moment: a client that sees the
leader gone takes its place, so one of several commands always finishes the work of all of them.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable
from functools import partial
from itertools import takewhile
from pathlib import Path
from types import FrameType

from parjanya.catalog.discover import Walk, discover
from parjanya.catalog.items import Found, Ingested
from parjanya.cli.act import person
from parjanya.cli.common import say
from parjanya.cli.doctor import guard
from parjanya.cli.progress import progress
from parjanya.profiles.running import Running, open_engine
from parjanya.profiles.system import System
from parjanya.stages import observe
from parjanya.workflow import VISION
from tbie.core.errors import TbieError
from tbie.diagnose.heartbeats import drifted
from tbie.truth import StageState

DRAIN_S = 60.0
"""How long an interrupted run waits for the images at hand; a worker that takes longer leaves by itself."""

BOOT_FAILURES = 3
"""Workers in a row that die before they register, after which starting more of them is given up."""

BLIND_S = 10.0
"""How long a run goes on although a store cannot be read or written: longer than a hiccup, shorter than a coffee."""

PROBE_EVERY_S = 2.0
"""How often a run without progress makes sure that the home can still be written."""


class CannotGoOnError(TbieError):
    """The run cannot go on: workers do not start, or a store stays away. The message carries what was said last."""


class Interrupt:
    """Turns the first Ctrl-C (or SIGTERM) into "finish what is at hand", and the second into the usual stop."""

    def __init__(self) -> None:
        self.asked = False
        self._previous = {n: signal.signal(n, self._note) for n in (signal.SIGINT, signal.SIGTERM)}

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        text = b"\nfinishing the images at hand; press Ctrl-C again to stop at once (nothing is lost either way)\n"
        os.write(sys.stderr.fileno(), text)  # not print: the signal may have come in the middle of one
        self.restore()

    def restore(self) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)


def work(
    system: System,
    paths: list[Path],
    skip: list[Path],
    tenant: str,
    workers: int,
    walk: Walk,
    interrupt: Interrupt,
) -> tuple[Ingested, bool]:
    """Take everything in and work until it is settled; False if interrupted before that."""
    files = takewhile(lambda _: not interrupt.asked, discover(paths, skip, walk))

    def take_in(between: Callable[[], object]) -> Ingested:
        done = taking_in(system, tenant, files, between)
        walk.problems += done.problems
        return done

    ingested = None
    if not system.home.lead():
        say("another engine works in this home; adding to it and waiting for it")
        ingested = take_in(system.truth_bell.ring)
        settled = _follow(system, tenant, interrupt)
        if settled or interrupt.asked:
            return ingested, settled and not interrupt.asked
        say("that engine has left; going on in its place")
        system.adopt()  # it may have declared something else
    guard(system)
    running = open_engine(system, workers)
    leader = _Leader(system, running)
    try:
        running.engine.start()
        if ingested is None:
            ingested = take_in(partial(leader.turn, wait=False))
        cut_short = interrupt.asked
        settled = watch(system, tenant, lambda: interrupt.asked, leader.turn)
        running.engine.stop(DRAIN_S)
    except BaseException:
        running.fleet.drain()  # whatever went wrong, and whoever pressed Ctrl-C twice: workers leave, nobody waits
        raise
    finally:
        running.close()
        system.home.resign()
    return ingested, settled and not cut_short


def taking_in(system: System, tenant: str, files: Iterable[Found], between: Callable[[], object]) -> Ingested:
    """Take *files* in, *between* groups of them as asked, and show how far it is where that takes long: files are uploaded."""
    if system.profile.files_are_local:
        return system.take_in(tenant, files, person(), lambda _: between())
    say("uploading …")
    with progress(None, sys.stderr, system.clock) as shown:

        def after_group(done: Ingested) -> None:
            shown.update(done=len(done.keys))
            between()

        return system.take_in(tenant, files, person(), after_group)


class _Leader:
    """Turns the engine, and says so when that leads nowhere."""

    def __init__(self, system: System, running: Running) -> None:
        self._system, self._running = system, running
        self._blind_since_s: float | None = None
        self._seq = -1
        self._drift: str | None = None
        self._probe_at_s = system.clock.monotonic_s() + PROBE_EVERY_S

    def turn(self, wait: bool = True) -> None:
        """One turn; with *wait*, waits for the bell if there was nothing to do.

        Raises:
            CannotGoOnError: workers cannot start, or a store has been away for `BLIND_S`.
            HomeError: the home cannot be written any more.
        """
        blind = self._running.engine.turn(wait).blind
        fleet, now_s = self._running.fleet, self._system.clock.monotonic_s()
        if fleet.boot_failures >= BOOT_FAILURES and fleet.running == 0:
            raise CannotGoOnError(f"worker processes cannot start: {fleet.last_boot_error}")
        if not blind:
            self._blind_since_s = None
        elif self._blind_since_s is None:
            self._blind_since_s = now_s
        elif now_s - self._blind_since_s > BLIND_S:
            raise CannotGoOnError(f"{blind[-1]}. Nothing committed is lost; run the same command again after that")
        if now_s >= self._probe_at_s:
            self._probe_at_s = now_s + PROBE_EVERY_S
            seq = self._system.truth.last_seq()
            if seq == self._seq:
                self._system.home.probe()
                self._refuse_drift()
            self._seq = seq

    def _refuse_drift(self) -> None:
        """Workers that decline all work would let this run wait for ever.

        Those of the pool vision decline while their server is away or their model is not what was declared. Somebody else may
        put that right while this run waits, so it is only said, once for each thing.
        """
        system = self._system
        silence_ms = int(system.settings.silence_s * 1000)
        beats = system.truth.heartbeats()
        seeing = [beat for beat in beats if beat.body.get("pool") == VISION]
        for finding in drifted([b for b in beats if b not in seeing], system.clock.now_ms(), silence_ms):
            raise CannotGoOnError(f"{finding.next_step} {finding.value('differences')}")
        told = [str(f.value("differences")) for f in drifted(seeing, system.clock.now_ms(), silence_ms)]
        for words in told:
            if words != self._drift:
                say(f"images wait for the engine {system.declared.words()}, nothing is lost: {words}")
        self._drift = told[-1] if told else None


def _follow(system: System, tenant: str, interrupt: Interrupt) -> bool:
    """Wait for the engine that leads this home; False if interrupted, or if this process leads now."""
    with system.listen("truth", "curate") as listener:
        return watch(
            system,
            tenant,
            lambda: interrupt.asked or system.home.lead(),
            lambda: listener.wait(system.settings.poll_interval_s),
        )


def watch(
    system: System,
    tenant: str,
    leave: Callable[[], bool],
    turn: Callable[[], object],
    on_its_way: Callable[[], bool] = lambda: False,
) -> bool:
    """Turn until nothing of *tenant* is open or *on_its_way* to be known (True), or *leave* says so (False)."""
    coming = on_its_way()  # asked first: what has just become known is open by then
    total, done, failed, open_work = _counts(system, tenant)
    with progress(total, sys.stderr, system.clock) as shown:
        while (waiting := bool(open_work or coming)) and not leave():
            turn()
            coming = on_its_way()
            total, done, failed, open_work = _counts(system, tenant)
            shown.update(total=total, done=done, failed=failed)
    return not waiting


def _counts(system: System, tenant: str) -> tuple[int, int, int, int]:
    """Images, images looked at (or given up), failed stages, and stages that something may still happen to."""
    roots = {stage.name for stage in system.workflow.stages if not stage.needs}
    total = done = failed = open_work = 0
    for (_, stage, state), count in system.truth.tally(tenant).items():
        if stage in roots:
            total += count
        if stage == observe.NAME and state.final:
            done += count
        if state is StageState.FAILED:
            failed += count
        if not state.final:
            open_work += count
    return total, done, failed, open_work
