"""The three faults. Each drives one system in a fresh home, and asks the application alone what came of it.

What a scenario waits for is bounded; a bound that is reached is a result ("not within 90 s"), never an error.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from benchmarks.peers.service import Service, ask, signal_all
from benchmarks.peers.systems.__main__ import load
from benchmarks.peers.systems.protocol import Site

SCENARIOS = ("flush", "kill-process", "kill-service", "zombie")
_BEGIN_S = 60.0  # for a system to start and take its first jobs, on a busy machine
_SETTLE_S = 1.0  # so that what a worker prefetches, or a heartbeat, has happened before the fault
_RESTART_S = 1.0  # what a service manager usually waits before it starts a service again
_ZOMBIE_S = 15.0  # for a continued worker to finish what it held
_LOOK_S = 0.02


class Bounds(NamedTuple):
    """How long is waited for a recovery."""

    flush_s: float
    rerun_s: float


class Stage:
    """A system on stage: its services run, its jobs are queued, and its workers are in the middle of the first ones."""

    def __init__(self, python: str, site: Site, busy: int) -> None:
        self.python, self.site, self.kind = python, site, load(site.system)
        self.application = site.application
        self.services: list[Service] = []
        self._busy = busy

    def begin(self) -> None:
        """Set up, start, enqueue, and wait until *busy* jobs are held."""
        self.application.make(self.site.jobs)
        ask(self.python, self.site, "setup")
        for name in self.kind.services(self.site.setting):
            self.start(name)
        if not wait(lambda: all(service.ready_file.exists() for service in self.services), _BEGIN_S):
            raise RuntimeError(f"{self.site.system} was not ready within {_BEGIN_S:g} s: {self._words()}")
        time.sleep(_SETTLE_S)
        ask(self.python, self.site, "enqueue")
        if not wait(lambda: len(self.application.attempts()) >= self._busy, _BEGIN_S):
            raise RuntimeError(f"{self.site.system}: no worker took a job within {_BEGIN_S:g} s: {self._words()}")
        time.sleep(_SETTLE_S)
        for service in self.services:
            service.check()

    def start(self, name: str) -> Service:
        """Start one service."""
        service = Service(self.python, self.site._replace(service=name))
        self.services.append(service)
        return service

    def owner(self, pid: int) -> Service:
        """The service that a process belongs to."""
        return next(service for service in self.services if pid in service.tree())

    def ask(self, role: str) -> object:
        """A one-shot role of this system."""
        return ask(self.python, self.site, role)

    def _words(self) -> list[str]:
        return [service.last_words() for service in self.services]

    def end(self) -> None:
        """Kill everything that was started."""
        for service in self.services:
            service.kill()


@contextmanager
def staged(python: str, site: Site, busy: int) -> Iterator[Stage]:
    """A stage that has begun, and is cleared afterwards."""
    with ExitStack() as stack:
        stage = Stage(python, site, busy)
        stack.callback(stage.end)
        stage.begin()
        yield stage


def flush(python: str, site: Site, bounds: Bounds) -> dict[str, object]:
    """The queue is lost while both workers are inside a job and all others wait: how many rows are done afterwards?"""
    with staged(python, site, busy=2) as stage:
        destroyed = stage.ask("destroy")
        lost_s = time.monotonic()
        stage.application.open_gate()
        wait(lambda: len(stage.application.done_times()) >= site.jobs, bounds.flush_s)
        done, attempts = stage.application.done_times(), stage.application.attempts()
        begun = [attempt.began_s - lost_s for attempt in attempts if attempt.began_s > lost_s]
        return {
            "destroyed": destroyed,
            "jobs": site.jobs,
            "recovered": len(done),
            "again_at_work_s": round(begun[0], 2) if begun else None,
            "last_done_s": round(done[-1] - lost_s, 2) if done else None,
            "repeated": len(attempts) - len({attempt.job for attempt in attempts}),
        }


def kill_process(python: str, site: Site, bounds: Bounds) -> dict[str, object]:
    """``kill -9`` of the one process that is inside the job, as when memory runs out. Nothing is started by hand."""
    with staged(python, site, busy=1) as stage:
        os.kill(stage.application.attempts()[0].pid, signal.SIGKILL)
        return _rerun(stage, time.monotonic(), bounds.rerun_s)


def kill_service(python: str, site: Site, bounds: Bounds) -> dict[str, object]:
    """``kill -9`` of the whole service around the job, started again after a second as a service manager does."""
    with staged(python, site, busy=1) as stage:
        service = stage.owner(stage.application.attempts()[0].pid)
        service.kill()
        killed_s = time.monotonic()
        time.sleep(_RESTART_S)
        stage.start(service.name)
        return _rerun(stage, killed_s, bounds.rerun_s)


def zombie(python: str, site: Site, bounds: Bounds) -> dict[str, object]:
    """The worker is stopped inside the job until another has done it, then continued: what does it leave behind?"""
    with staged(python, site, busy=1) as stage:
        first = stage.application.attempts()[0]
        service = stage.owner(first.pid)
        supervised = len(stage.kind.services(site.setting)) == 1  # the supervisor itself is not the zombie
        stopped = [first.pid] if supervised else service.tree()
        signal_all(stopped, signal.SIGSTOP)
        stopped_s = time.monotonic()
        if stage.kind.replacement:
            time.sleep(_RESTART_S)
            stage.start(service.name)
        redone = wait(lambda: bool(stage.application.effects(0)), bounds.rerun_s)
        attempts = stage.application.attempts()
        if redone:
            time.sleep(_SETTLE_S)  # the other worker commits and settles what it did
        stage.application.open_gate()
        alive = _is_there(first.pid)
        signal_all(stopped, signal.SIGCONT)
        finished = alive and wait(lambda: first.pid in stage.application.effects(0), _ZOMBIE_S)
        time.sleep(_SETTLE_S)  # what the zombie still commits, or tries to
        effects, record = stage.application.effects(0), stage.ask("record")
        assert isinstance(record, dict)
        by = record["result_pid"]
        return {
            "redelivered": redone,
            "after_s": round(attempts[1].began_s - stopped_s, 2) if len(attempts) > 1 else None,
            "zombie": "finished" if finished else "was killed" if not alive else "did not finish",
            "effects": len(effects),
            "guarded": record["guarded"],
            "result_of": None if by is None else "the zombie" if by == first.pid else "the other",
            "state": record.get("state"),
        }


RUN: dict[str, Callable[[str, Site, Bounds], dict[str, object]]] = {
    "flush": flush,
    "kill-process": kill_process,
    "kill-service": kill_service,
    "zombie": zombie,
}


def wait(happened: Callable[[], bool], bound_s: float) -> bool:
    """Whether it happened within the bound."""
    deadline = time.monotonic() + bound_s
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_S)
    return True


def _rerun(stage: Stage, killed_s: float, bound_s: float) -> dict[str, object]:
    def later() -> list[float]:
        return [attempt.began_s - killed_s for attempt in stage.application.attempts() if attempt.began_s > killed_s]

    rerun = wait(lambda: bool(later()), bound_s)
    done = rerun and wait(lambda: bool(stage.application.done_times()), _ZOMBIE_S)
    after_s = round(later()[0], 2) if rerun else None
    return {"rerun": rerun, "after_s": after_s, "done": done, "attempts": len(stage.application.attempts())}


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
