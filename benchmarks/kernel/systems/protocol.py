"""What a system under test has to do, and how its processes are told to do it.

``python -m systems NAME ROLE`` runs one process. Roles: ``setup`` (make schema, leave), ``produce`` (add jobs
when told to), ``work`` (run jobs until told to leave). A process says ``ready`` on standard output and then
obeys lines on standard input.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from pathlib import Path
from typing import NamedTuple

from marks import Marks

_PATIENCE_S = 60.0  # a system that has not settled by then never will


class Site(NamedTuple):
    """Where a system may put its things, and which servers it may use."""

    home: Path
    jobs: int
    """How many jobs there will ever be, numbered from 0."""
    redis_url: str = ""
    postgres_url: str = ""
    number: int = 0
    """Which of the worker processes this is."""

    @property
    def marks(self) -> Marks:
        """Where this process notes what it ran."""
        return Marks(self.home, self.jobs)


class System:
    """One way to run no-op jobs with two worker processes. Subclasses say with which settings, and why."""

    settings = ""
    """Printed beside the figures."""
    needs: tuple[str, ...] = ()
    """Servers: ``redis``, ``postgres``."""
    processes = 2
    """How many ``work`` processes to start; 1 where the system starts two workers itself."""
    durable = False
    """Whether an accepted job survives a power cut."""
    share = 1.0
    """Part of the jobs that are given to it: slow systems get fewer, so that a run ends in time."""
    settles = False
    """Whether it can say itself that everything is committed and nothing is left; else the last start counts."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def setup(self) -> None:
        """Make files or tables. Runs in a process of its own, before anything else."""

    def open_producer(self) -> None:
        """Connect, so that adding starts at full speed."""

    def produce(self, span: range) -> None:
        """Add the jobs of *span*."""
        raise NotImplementedError

    def idle(self) -> None:
        """Called over and over while the producer has nothing to add; must return within milliseconds."""
        select.select([sys.stdin], [], [], 1.0)

    def settled(self, span: range) -> dict[str, object] | None:
        """Evidence that all of *span* is committed and nothing is queued, or None if it is not so yet."""
        raise NotImplementedError

    def verify(self, span: range) -> list[str]:
        """What is wrong with the record of *span*, in words; empty if nothing is."""
        del span
        return []

    def open_worker(self) -> None:
        """Import and connect; take no job yet."""

    def work(self) -> None:
        """Run jobs until the process is terminated."""
        raise NotImplementedError


def say(event: str, **values: object) -> None:
    """One line to whoever runs the benchmark."""
    print(json.dumps({"event": event, **values}), flush=True)


def run_role(system: System, role: str) -> None:
    """The life of one process."""
    match role:
        case "setup":
            system.setup()
        case "work":
            system.open_worker()
            say("ready", pid=os.getpid())
            sys.stdin.readline()
            system.work()
        case "produce":
            system.open_producer()
            say("ready", pid=os.getpid())
            _obey(system)


def _obey(system: System) -> None:
    while True:
        while not select.select([sys.stdin], [], [], 0)[0]:
            system.idle()
        line = sys.stdin.readline()
        if not line:
            return
        order, first, last, pace_s = json.loads(line)
        span = range(first, last)
        begun = time.monotonic()
        match order:
            case "add" if pace_s:
                _add_slowly(system, span, pace_s)
            case "add":
                system.produce(span)
                say("added", begun_s=begun, ended_s=time.monotonic())
            case "settle":
                while (evidence := system.settled(span)) is None and time.monotonic() - begun < _PATIENCE_S:
                    system.idle()
                ended = time.monotonic()
                wrong = system.verify(span) if evidence is not None else [f"not settled after {_PATIENCE_S:g} s"]
                say("settled", at_s=ended, evidence=evidence, wrong=wrong)


def _add_slowly(system: System, span: range, pace_s: float) -> None:
    """One job at a time with a pause between, for latency at low load: tells when each was begun to be added."""
    begun = {}
    due = time.monotonic()
    for job in span:
        due += pace_s
        while (left := due - time.monotonic()) > 0:
            select.select([], [], [], left) if not system.settles else system.idle()
        begun[job] = time.monotonic()
        system.produce(range(job, job + 1))
    say("added", begun=begun)
