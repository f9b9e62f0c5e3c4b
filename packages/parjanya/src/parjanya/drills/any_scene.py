"""One instance under drill, wherever its stores are: its home, its processes, its clock, and what is measured.

Callers: ``scene`` (stores that are files) and ``aws.scene`` (stores that are reached by AWS's interfaces) add the hands that
reach into the stores from outside; the drills use those.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from parjanya.catalog.discover import Walk, discover
from parjanya.drills import processes
from parjanya.drills.processes import Started
from parjanya.drills.shape import QUICK, DrillStoppedError
from parjanya.drills.sightings import Sightings
from parjanya.home import Home
from parjanya.profiles.environment import VARIABLE, from_environment
from parjanya.profiles.system import System, open_system
from tbie.core.clock import Clock
from tbie.core.settings import Settings

LOOK_EVERY_S = 0.05
"""How often the instance is diagnosed: the resolution of every figure in a report."""
PATIENCE_S = 60.0
"""How long anything may take before a drill gives up: a loaded machine starts a worker in twenty seconds."""
TENANT = "default"


class AnyScene(ABC):
    """A home in *root*, the pictures in *shoot*, and a clock that runs from the moment of injection."""

    quick: Mapping[str, float] = QUICK
    """Settings of every drill of this kind."""
    look_every_s = LOOK_EVERY_S
    patience_s = PATIENCE_S

    def __init__(
        self,
        root: Path,
        shoot: Sequence[Path],
        clock: Clock,
        stopped: threading.Event,
        workers: int = 1,
        settings: Mapping[str, float] | None = None,
    ) -> None:
        self.root, self.shoot, self.clock = root, tuple(shoot), clock
        self.home = root / "home"
        self.settings_text = json.dumps({**self.quick, **(settings or {})})
        self.settings: Settings = from_environment({VARIABLE: self.settings_text})
        self.measures: dict[str, object] = {}
        """What this drill measured beside the usual, by name."""
        self.problems: list[str] = []
        """What should have held and did not."""
        self.late: list[str] = []
        """What took longer than was promised."""
        self.sightings = Sightings()
        self.injected_s: float | None = None
        self._workers, self._stopped = workers, stopped
        self._system: System | None = None
        self._engine: Started | None = None
        self._started: list[Started] = []
        self._closing = ExitStack()
        root.mkdir(parents=True, exist_ok=True)

    @property
    def largest(self) -> Path:
        """The picture that takes longest to decode: what has to be caught in the middle is caught there."""
        return max(self.shoot, key=lambda path: path.stat().st_size)

    # -- processes

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Started:
        """Start a program of this Python, in this home and by these settings."""
        variables = {
            **os.environ,
            "PARJANYA_HOME": str(self.home),
            "PARJANYA_WORKERS": str(self._workers),
            VARIABLE: self.settings_text,
            **(environment or {}),
        }
        process = Started([sys.executable, *arguments], variables, self.root / f"process-{len(self._started)}.log")
        self._started.append(process)
        return process

    def start_engine(self, environment: Mapping[str, str] | None = None) -> Started:
        """``parjanya serve`` on a free port; returns when it answers."""
        serve = ("-m", "parjanya.cli.main", "serve", "--port", "0", "--home", str(self.home))
        engine = self._engine = self.start(*serve, environment=environment)
        self.until(lambda: "serving " in engine.said or not engine.alive, "the engine serves", look=False)
        if not engine.alive:
            raise DrillStoppedError(f"the engine ended: {engine.said.strip()[-500:]}")
        return engine

    @property
    def engine(self) -> Started:
        """The engine that was started last."""
        if self._engine is None:
            raise DrillStoppedError("no engine was started")
        return self._engine

    def command(self, *arguments: str) -> Started:
        """A command of the product, beside the engine."""
        return self.start("-m", "parjanya.cli.main", *arguments, "--home", str(self.home))

    def workers(self) -> dict[str, int]:
        """Process id of each worker that is alive and has registered, by its name."""
        alive = self.system.workers()
        return {name: pid for name, pid in processes.workers_of(self.home).items() if name in alive}

    def a_worker(self) -> tuple[str, int]:
        """The first worker that has registered; waits for it."""
        self.until(lambda: bool(self.workers()), "a worker registers", every_s=0.005, look=False)
        return next(iter(self.workers().items()))

    # -- the stores

    @property
    def system(self) -> System:
        """The instance, opened in this process: to take pictures in, and to look."""
        if self._system is None:
            self._system = open_system(Home(self.home), self.settings, self.clock)
            self._closing.callback(self._system.close)
        return self._system

    def ingest(self, tenant: str = TENANT, paths: Sequence[Path] | None = None) -> None:
        """Take pictures in, as ``parjanya ingest`` does."""
        files = discover(list(self.shoot if paths is None else paths), [], Walk())
        self.system.take_in(tenant, files, "drill")
        self.system.truth_bell.ring()

    @property
    @abstractmethod
    def begun(self) -> bool:
        """Whether there is an instance that could be looked at."""

    @abstractmethod
    def settled(self) -> bool:
        """Whether every item is final in all its stages."""

    @abstractmethod
    def committed_twice(self) -> list[tuple[str, str, int, int]]:
        """Item, stage, generation and how often, of every result that was committed more than once. Read from outside."""

    # -- time

    def injected(self) -> None:
        """The fault is in place: the clock of this drill begins."""
        if self.injected_s is not None:
            return
        self.sightings.forget()
        self.injected_s = self.clock.monotonic_s()

    def quiet(self) -> bool:
        """Whether the last look found nothing wrong."""
        return not self.sightings.standing

    @property
    def since_s(self) -> float:
        """Seconds since the injection."""
        return self.clock.monotonic_s() - (self.injected_s or 0.0)

    def look(self) -> None:
        """Diagnose the instance once."""
        if self._system is not None or self.begun:
            self.sightings.look(self.system, lambda: self.since_s)

    def until(self, reached: Callable[[], bool], what: str, *, every_s: float | None = None, look: bool = True) -> None:
        """Look at the instance again and again until *reached*.

        Raises:
            DrillStoppedError: it did not happen within the patience of a drill, or everything is to stop.
        """
        end_s = self.clock.monotonic_s() + self.patience_s
        while True:
            if look:
                self.look()
            if reached():
                return
            if self.clock.monotonic_s() > end_s:
                found = f" (found: {', '.join(sorted(self.sightings.standing))})" if self.sightings.standing else ""
                raise DrillStoppedError(f"waited {self.patience_s:g} s for this: {what}{found}")
            self.pause(self.look_every_s if every_s is None else every_s)

    def pause(self, seconds: float) -> None:
        """Wait, unless everything is to stop.

        Raises:
            DrillStoppedError: everything is to stop.
        """
        if self._stopped.wait(seconds):
            raise DrillStoppedError("interrupted")

    def measure(self, name: str, reached: Callable[[], bool], what: str) -> float:
        """Wait for *reached* and note under *name* how many seconds after the injection it was so."""
        self.until(reached, what, every_s=0.02)
        self.measures[name] = round(self.since_s, 3)
        return self.since_s

    def promise(self, what: str, took_s: float, at_most_s: float) -> None:
        """Note what was late."""
        if took_s > at_most_s:
            self.late.append(f"{what}: {took_s:.2f} s, promised within {at_most_s:.2f} s")

    def require(self, holds: bool, what: str) -> None:
        """Note a problem unless *holds*."""
        if not holds:
            self.problems.append(what)

    def end(self) -> None:
        """End every process of this home and let go of its files."""
        for process in self._started:
            if process.alive:
                process.kill()
        for pid in processes.of_home(self.home):
            processes.kill(pid)
        self._closing.close()
        self._system = None
