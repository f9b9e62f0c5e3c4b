"""What ran when: every worker process notes the start of each job in a memory-mapped file of its own.

Used by every system under test, ours included, in the same way and at the same cost (0.6 microseconds a
job), so that one clock and one count judge them all. Standard library only: peers import it inside their own
environment.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from array import array
from pathlib import Path
from typing import NamedTuple

_TOTAL = struct.Struct("<Q")
_START = struct.Struct("<d")
_SUFFIX = ".marks"


class Marks:
    """The worker's side. Each process makes its file at its first job, so that forked workers do not share one."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self._folder, self._jobs = folder, jobs
        self._pid = -1
        self._total = 0

    def ran(self, job: int) -> None:
        """Job number *job* has begun in this process."""
        now = time.monotonic()
        if os.getpid() != self._pid:
            self._open()
        at = _TOTAL.size + self._jobs + job * _START.size
        _START.pack_into(self._map, at, now)
        runs = _TOTAL.size + job
        self._map[runs] = min(255, self._map[runs] + 1)
        self._total += 1
        _TOTAL.pack_into(self._map, 0, self._total)

    def _open(self) -> None:
        self._pid, self._total = os.getpid(), 0
        size = _TOTAL.size + self._jobs * (1 + _START.size)
        fd = os.open(self._folder / f"{self._pid}{_SUFFIX}", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        os.ftruncate(fd, size)
        self._map = mmap.mmap(fd, size)
        os.close(fd)


class Ran(NamedTuple):
    """What all processes together did with a range of jobs. Times are on the machine's monotonic clock."""

    starts: dict[int, float]
    """By job: when it first started."""
    repeated: int
    lost: int
    all_working_s: float | None
    """When the last process had begun its first job of the range; None if fewer than *workers* took part."""


def count(folder: Path) -> int:
    """How many runs have been noted so far, by all processes."""
    total = 0
    for path in folder.glob(f"*{_SUFFIX}"):
        with path.open("rb") as file:
            head = file.read(_TOTAL.size)
        total += _TOTAL.unpack(head)[0] if len(head) == _TOTAL.size else 0
    return total


def read(folder: Path, jobs: int, span: range, workers: int) -> Ran:
    """Everything about the jobs of *span*, out of *jobs* in all, by the *workers* processes there should be."""
    runs = [0] * len(span)
    starts: dict[int, float] = {}
    firsts: list[float] = []
    for path in folder.glob(f"*{_SUFFIX}"):
        data = path.read_bytes()
        times = array("d", data[_TOTAL.size + jobs :])
        mine = [job for job in span if data[_TOTAL.size + job]]
        for job in mine:
            runs[job - span.start] += data[_TOTAL.size + job]
            starts[job] = min(starts.get(job, times[job]), times[job])
        if mine:
            firsts.append(min(times[job] for job in mine))
    all_working = max(firsts) if len(firsts) >= workers else None
    return Ran(starts, sum(n - 1 for n in runs if n > 1), sum(n == 0 for n in runs), all_working)
