"""A full disk: nothing can be recorded, and no preview stored."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, cycles
from tbie.core.finding import Boundary

SIZE_MIB = 12
HEADROOM_BYTES = 1024 * 1024
_BLOCK = bytes(64 * 1024)
_MOUNT = 'mount -t tmpfs -o size={size}m tmpfs "$1" && shift && exec "$@"'


@contextmanager
def fill_the_disk(scene: Scene) -> Iterator[None]:
    """Let the engine live on a small file system of its own, and fill that to the last byte in the middle of the work."""
    scene.home.mkdir()
    engine = scene.start_engine(*_unshare(), "sh", "-c", _MOUNT.format(size=SIZE_MIB), "sh", str(scene.home))
    scene.outside = Path(f"/proc/{engine.pid}/root") / scene.home.relative_to("/")
    scene.ingest()
    scene.a_worker()
    ballast = scene.outside / "ballast"
    with ballast.open("wb", buffering=0) as file:
        _fill(file.fileno())
    scene.injected()
    try:
        yield
    finally:
        ballast.unlink(missing_ok=True)


def _fill(descriptor: int) -> None:
    for block in (_BLOCK, b"\0"):
        try:
            while True:
                os.write(descriptor, block)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def _unshare() -> tuple[str, ...]:
    """A mount namespace of its own: what is mounted there is seen by the engine and its workers alone."""
    program = shutil.which("unshare") or "unshare"
    return (program, "-m") if os.geteuid() == 0 else (program, "-rm")


def no_small_disk() -> str | None:
    """Why this machine cannot have a small disk for one process; None if it can."""
    if shutil.which("unshare") is None:
        return "a small disk for one process needs Linux with `unshare` (util-linux)"
    tried = subprocess.run(
        [*_unshare(), "sh", "-c", "mount -t tmpfs tmpfs /tmp"], capture_output=True, text=True, check=False
    )
    return None if tried.returncode == 0 else f"`unshare` may not mount here: {tried.stderr.strip()}"


DISK_FULL = Drill(
    "disk_full",
    "",
    f"The home is on a disk of {SIZE_MIB} MiB that is filled to the last byte in the middle of the work, then freed.",
    "disk_full",
    Boundary.TRUTH,
    fill_the_disk,
    cycles(2),
    settings={"disk_headroom_bytes": HEADROOM_BYTES, "reset_cooldown_s": 1.0},
    cannot_run=no_small_disk,
)
