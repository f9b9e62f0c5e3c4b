"""What a system under a fault has to do. Each method runs in a process of its own, in the system's own environment.

``python -m benchmarks.peers.systems SITE ROLE``; the roles are the methods. One-shot roles print their answer as one line
of JSON; ``serve`` runs until it is killed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, NamedTuple

from benchmarks.peers.application import Application


class Site(NamedTuple):
    """Where a system may put its things, which servers it may use, and what is asked of it."""

    home: Path
    system: str
    setting: str
    """``default``, ``best`` (what its documentation offers against this fault), or ``apart`` (ours, unsupervised)."""
    scenario: str
    jobs: int
    redis_url: str = ""
    postgres_url: str = ""
    service: str = ""
    """Which of the system's services this process is."""

    def to_json(self) -> str:
        """For the command line of a process."""
        return json.dumps({**self._asdict(), "home": str(self.home)})

    @classmethod
    def from_json(cls, text: str) -> Site:
        """The reverse."""
        values = json.loads(text)
        return cls(**{**values, "home": Path(values["home"])})

    @property
    def application(self) -> Application:
        """The application's tables."""
        return Application(self.home)

    def ready(self) -> None:
        """This service can take jobs now: nothing is queued before all of them say so."""
        self.ready_file.touch()

    @property
    def ready_file(self) -> Path:
        """Where it says so."""
        return self.home / f"{self.service}.ready"

    def perform(self, job: int) -> int:
        """The body of a job: while a queue is flushed all are held, else only the first attempt is."""
        return self.application.perform(job, hold_all=self.scenario == "flush")


class System:
    """One way to run jobs with two workers. Subclasses say with which settings, and what was destroyed."""

    title = ""
    needs: tuple[str, ...] = ()
    """Servers: ``redis``, ``postgres``."""
    packages: tuple[str, ...] = ()
    """Whose versions are printed."""
    settings: ClassVar[dict[str, str]]
    """Setting → what it is, in words."""
    cases: ClassVar[dict[str, tuple[str, ...]]]
    """Scenario → the settings in which it is run."""
    destroyed = ""
    """Exactly what the flush deletes, in words."""
    fencing = "none: a redelivered job carries nothing that tells its runs apart at the effect"
    """The system's own means against a second effect, in words."""
    replacement = ""
    """Set where a stopped worker is given up only when another is started under its name: why, in words."""

    def __init__(self, site: Site) -> None:
        self.site = site

    @classmethod
    def services(cls, setting: str) -> tuple[str, ...]:
        """The long-running processes, each started and restarted as one by a service manager."""
        del setting
        return ("w0", "w1")

    def setup(self) -> object:
        """Make files or tables."""
        return None

    def enqueue(self) -> object:
        """Add all jobs; returns when the queue holds them."""
        raise NotImplementedError

    def destroy(self) -> object:
        """Lose the queue; returns how many jobs were in it."""
        raise NotImplementedError

    def serve(self) -> object:
        """Be the service ``site.service`` until killed."""
        raise NotImplementedError

    def record(self) -> object:
        """The system's own record of job 0: ``guarded`` (effects counted by its own means, or null), ``result_pid``."""
        return {"guarded": None, "result_pid": None}
