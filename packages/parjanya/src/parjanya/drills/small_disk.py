"""A small file system for one drill, in a mount namespace of its own: a disk that can be filled to the last byte.

Caller: ``run``, for drills that need one. Engine, workers and the drill itself see the small disk; nobody else does, and
it is gone with the last of them. What is to be done goes to ``confined`` on its standard input; the report comes back on
its output.
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from parjanya.drills.reference import Answers
from parjanya.drills.report import Report

_MOUNT = 'mount -t tmpfs -o size={size}m tmpfs "$1" && shift && exec "$@"'


class Order(NamedTuple):
    """What the confined process is to do."""

    drill: str
    root: Path
    shoot: Sequence[Path]
    reference: Answers
    keep: bool


def _unshare() -> tuple[str, ...]:
    """A mount namespace of its own: what is mounted there is seen by its processes alone."""
    program = shutil.which("unshare") or "unshare"
    return (program, "-m") if os.geteuid() == 0 else (program, "-rm")


def no_small_disk() -> str | None:
    """Why this machine cannot have a small disk for a few processes; None if it can."""
    if shutil.which("unshare") is None:
        return "a small disk for a few processes needs Linux with `unshare` (util-linux)"
    mount = [*_unshare(), "sh", "-c", "mount -t tmpfs tmpfs /tmp"]
    tried = subprocess.run(mount, capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"`unshare` may not mount here: {tried.stderr.strip()}"


def run_confined(order: Order, disk_mib: int, report: Report, stopped: threading.Event) -> None:
    """Run a drill on a disk of *disk_mib* mounted at the order's root, and fill in *report*."""
    order.root.mkdir(parents=True)
    me = (sys.executable, "-m", "parjanya.drills.confined")
    command = [*_unshare(), "sh", "-c", _MOUNT.format(size=disk_mib), "sh", str(order.root), *me]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        stop = threading.Thread(target=_end_when_stopped, args=(process, stopped), daemon=True)
        stop.start()
        answer, said = process.communicate(pickle.dumps(tuple(order)))
    if process.returncode != 0:
        report.problems.append(f"the drill on a small disk ended with {process.returncode}: {said.decode()[-500:]}")
        return
    for name, value in pickle.loads(answer).items():  # noqa: S301 - from our own child, over a pipe
        setattr(report, name, value)


def _end_when_stopped(process: subprocess.Popen[bytes], stopped: threading.Event) -> None:
    while process.poll() is None:
        if stopped.wait(0.1):
            process.terminate()  # it ends its processes, as after Ctrl-C
            return
