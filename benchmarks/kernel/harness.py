"""Starts the processes of one system, hands them jobs, and turns what they noted into figures.

Callers: the programs of this folder. Knows no system: those are in ``systems``, driven over pipes, so that each
runs in the environment it needs and none is measured with another one's imports.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import marks
from systems.__main__ import load
from systems.protocol import Site

HERE = Path(__file__).resolve().parent
WORKERS = 2
_PATIENCE_S = 15.0  # a peer that runs nothing for this long while jobs are left has lost them


class Child:
    """One process of a system, spoken to in lines of JSON."""

    def __init__(self, name: str, role: str, site: Site, python: str) -> None:
        text = json.dumps({**site._asdict(), "home": str(site.home)})
        self._log = site.home / f"{role}-{site.number}.log"
        with self._log.open("wb") as log:
            self.popen = subprocess.Popen(
                [python, "-m", "systems", name, role, text],
                cwd=HERE,
                env={**os.environ, "PYTHONPATH": str(HERE), "PYTHONWARNINGS": "ignore"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def tell(self, line: str) -> None:
        """Send one line."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def hear(self, event: str) -> dict[str, Any]:
        """Wait for one event; other output of the system is passed over."""
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            with contextlib.suppress(json.JSONDecodeError):
                said = json.loads(line)
                if isinstance(said, dict) and said.get("event") == event:
                    return said
        raise SystemExit(f"{self._log.stem} ended before it said {event!r}:\n{self._log.read_text()[-3000:]}")

    def end(self) -> None:
        """Terminate the process and what it started; insist after five seconds."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(5)
                break
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)  # children of a worker that left without them


class Running:
    """One system with its producer and its workers; workers wait at the gate until ``open_gate``."""

    def __init__(self, name: str, site: Site, python: str) -> None:
        self.name, self.site, self.kind = name, site, load(name)
        setup = Child(name, "setup", site, python)
        if setup.popen.wait(60) != 0:
            raise SystemExit(f"{name}: setup failed:\n{(site.home / 'setup-0.log').read_text()[-3000:]}")
        self.producer = Child(name, "produce", site, python)
        self.workers = [Child(name, "work", site._replace(number=n), python) for n in range(self.kind.processes)]
        self.producer.hear("ready")
        for worker in self.workers:
            worker.hear("ready")

    def open_gate(self) -> float:
        """Let the workers take jobs; returns when."""
        now = time.monotonic()
        for worker in self.workers:
            worker.tell("go")
        return now

    def add(self, span: range, pace_s: float = 0.0) -> dict[str, Any]:
        """Add jobs, all at once or one each *pace_s*; returns when adding began and ended."""
        self.producer.tell(json.dumps(["add", span.start, span.stop, pace_s]))
        return self.producer.hear("added")

    def finish(self, span: range) -> tuple[float, marks.Ran]:
        """Wait for all of *span*; returns when it was over, and what ran (of a peer: also what did not).

        Raises:
            SystemExit: our own kernel lost something, ran it twice, or its record is wrong.
        """
        if not self.kind.settles:
            self._wait_for(span.stop)
            ran = marks.read(self.site.home, self.site.jobs, span, WORKERS)
            return max(ran.starts.values(), default=0.0), ran
        self.producer.tell(json.dumps(["settle", span.start, span.stop, 0]))
        settled = self.producer.hear("settled")
        ran = marks.read(self.site.home, self.site.jobs, span, WORKERS)
        if settled["wrong"] or (self.name.startswith("tbie") and (ran.lost or ran.repeated)):
            raise SystemExit(f"{self.name}: {ran.lost} jobs never ran, {ran.repeated} ran again; {settled['wrong']}")
        return float(settled["at_s"]), ran

    def _wait_for(self, total: int) -> None:
        seen, since = -1, time.monotonic()
        while (now := marks.count(self.site.home)) < total:
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > _PATIENCE_S:
                return
            time.sleep(0.01)

    def end(self) -> None:
        """End all processes."""
        for child in (*self.workers, self.producer):
            child.end()


@contextlib.contextmanager
def running(name: str, jobs: int, folder: Path, python: str = sys.executable, **urls: str) -> Iterator[Running]:
    """A system in a fresh home, taken away afterwards."""
    home = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))
    system: Running | None = None
    try:
        system = Running(name, Site(home, jobs, **urls), python)  # type: ignore[arg-type]
        yield system
    finally:
        if system is not None:
            system.end()
        shutil.rmtree(home, ignore_errors=True)


class Rates(NamedTuple):
    """Jobs per second, and what went wrong with them."""

    drain: float
    """From a full queue, counted from when both workers had begun."""
    end_to_end: float
    """From the first add until the last is over."""
    lost: int
    """Jobs that were accepted and did not run within 15 s of the last one that did: late, or lost."""
    repeated: int
    """Runs beyond the first of a job."""


def measure_rates(system: Running, jobs: int) -> Rates:
    """Drain *jobs* that wait in the queue, then add as many again while the workers run."""
    first, second = range(jobs), range(jobs, 2 * jobs)
    system.add(first)
    gate = system.open_gate()
    ended, ran = system.finish(first)
    begun = gate if ran.all_working_s is None else ran.all_working_s
    late = sum(start >= begun for start in ran.starts.values())
    added = system.add(second)
    ended_second, again = system.finish(second)
    return Rates(
        late / (ended - begun),
        (jobs - again.lost) / (ended_second - float(added["begun_s"])),
        ran.lost + again.lost,
        ran.repeated + again.repeated,
    )


def percentile(values: Sequence[float], p: float) -> float:
    """The smallest value that at least *p* of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(p * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def cpu_s(pid: int) -> float:
    """Processor seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fsync_ms(folder: Path) -> tuple[float, float]:
    """What an fsync of 4 KiB costs where the files are, now: median and 99th percentile.

    Waits first until the machine has written out what it still holds: a system must not pay for the one before it.
    """
    os.sync()
    path = folder / "fsync.probe"
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(b"x" * 4096)
            begun = time.monotonic()
            os.fsync(file.fileno())
            times.append(1000 * (time.monotonic() - begun))
    path.unlink()
    return round(median(times), 3), round(percentile(times, 0.99), 3)


def machine() -> dict[str, object]:
    """What the figures depend on."""
    return {
        "processors": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
