"""Processes of one drill: started, found, stopped at a safe moment, and all of them ended.

Caller: ``scene``. A process belongs to a drill when its command line names the drill's home, a temporary path that nobody
else uses: so a worker is found although its engine was killed, and a process id that was reused is never signalled.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_WORKER = "parjanya.profiles.worker_process"


class Started:
    """A process that a drill started; what it says goes to a file, so that it never waits for a reader."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as said:
            self.popen = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=environment,
                start_new_session=True,  # an interrupt from the terminal is for the drill, which ends its processes
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.popen.poll() is None

    @property
    def said(self) -> str:
        """All it has written so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill(self) -> None:
        """``kill -9``, and wait for the end."""
        self.popen.kill()
        self.popen.wait()

    def end(self, patience_s: float) -> None:
        """Ask it to leave; if it does not within *patience_s*, kill it."""
        if self.alive:
            self.popen.terminate()
        try:
            self.popen.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()


def of_home(home: Path) -> dict[int, list[str]]:
    """The command line of each process that names *home* (or something in it), by process id; never this process."""
    found = {pid: words for pid, words in _all().items() if any(str(home) in word for word in words)}
    found.pop(os.getpid(), None)
    return found


def workers_of(home: Path) -> dict[str, int]:
    """Process id of each worker process that an engine of *home* started, by the worker's name."""
    return {words[-1]: pid for pid, words in of_home(home).items() if _WORKER in words}


def kill(pid: int) -> None:
    """``kill -9``; it may be gone already."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def go_on(pid: int) -> None:
    """Let a stopped process go on; it may be gone already."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def stop(pid: int, wait: Callable[[float], object]) -> None:
    """Stop *pid* in its tracks; returns when it stands.

    Raises:
        ProcessLookupError: there is no such process.
    """
    os.kill(pid, signal.SIGSTOP)
    while (state := _state(pid)) not in ("T", "Z", ""):
        wait(0.001)
    if state != "T":
        raise ProcessLookupError(pid)


def _state(pid: int) -> str:
    """One letter, as ``ps`` writes it; empty if there is no such process."""
    if _PROC.joinpath("self").exists():
        try:
            return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return ""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607
    return shown.stdout.strip()[:1]


def _all() -> dict[int, list[str]]:
    if not _PROC.joinpath("self").exists():
        return _listed_by_ps()
    found = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it ended while we looked, or is somebody else's
                words = (entry / "cmdline").read_bytes().split(b"\0")
                found[int(entry.name)] = [os.fsdecode(word) for word in words if word]
    return {pid: words for pid, words in found.items() if words}


def _listed_by_ps() -> dict[int, list[str]]:
    shown = subprocess.run(["ps", "-axo", "pid=,command="], capture_output=True, text=True, check=True)  # noqa: S607
    lines = (line.split() for line in shown.stdout.splitlines())
    return {int(words[0]): words[1:] for words in lines if len(words) > 1}
