"""The processes of one system: started, killed, stopped and continued as a machine or its kernel would do it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

from benchmarks.peers.systems.protocol import Site

ROOT = Path(__file__).resolve().parents[2]
_ONE_SHOT_S = 120.0


def environment() -> dict[str, str]:
    """For every process: this checkout on the path, and nobody's warnings in the logs."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "PYTHONWARNINGS": "ignore",
        "PYTHONUNBUFFERED": "1",
    }


def ask(python: str, site: Site, role: str) -> object:
    """Run a one-shot role and return its answer.

    Raises:
        RuntimeError: it failed; with its last words.
    """
    command = [python, "-m", "benchmarks.peers.systems", site.to_json(), role]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=_ONE_SHOT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{site.system}: {role} failed: {done.stderr[-2000:]}")
    answer: object = json.loads(done.stdout.splitlines()[-1])
    return answer


def descendants(pid: int) -> list[int]:
    """*pid* and all its descendants that live, parents first."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = path.read_text()
            children.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
    found = [pid]
    for one in found:
        found.extend(children.get(one, []))
    return found


def signal_all(pids: list[int], number: int) -> None:
    """Send *number* to each that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


class Service:
    """One long-running process and whatever it starts."""

    def __init__(self, python: str, site: Site) -> None:
        self.name, self.ready_file = site.service, site.ready_file
        self._log = site.home / f"{self.name}.log"
        command = [python, "-m", "benchmarks.peers.systems", site.to_json(), "serve"]
        with self._log.open("ab") as log:
            self._popen = subprocess.Popen(
                command, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._known = [self._popen.pid]

    def tree(self) -> list[int]:
        """Its processes that live, parents first."""
        self._known = descendants(self._popen.pid) if self._popen.poll() is None else self._known
        return self._known

    def kill(self) -> None:
        """``kill -9`` for all of it at once, as when its machine or its control group goes."""
        signal_all(self.tree(), signal.SIGKILL)
        self._popen.wait()

    def check(self) -> None:
        """Say so if it has ended although nobody killed it."""
        if self._popen.poll() is not None:
            raise RuntimeError(f"{self.name} ended by itself: {self.last_words()}")

    def last_words(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-1500:]
