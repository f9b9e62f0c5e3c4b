"""A full disk: nothing can be recorded, and no preview stored."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, cycles
from parjanya.drills.small_disk import no_small_disk
from tbie.core.finding import Boundary

DISK_MIB = 16
HEADROOM_BYTES = 256 * 1024
FULL_S = 1.0
"""How long it stays full after that was noticed: every component writes at least once in this time."""
_BLOCK = bytes(64 * 1024)


@contextmanager
def fill_the_disk(scene: Scene) -> Iterator[None]:
    """Fill the small disk that the home is on, to the last byte, in the middle of the work; then free it."""
    scene.start_engine()
    scene.ingest()
    scene.a_worker()
    ballast = scene.root / "ballast"
    with ballast.open("wb", buffering=0) as file:
        _fill(file.fileno())
    scene.injected()
    try:
        yield
        scene.pause(FULL_S)
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


DISK_FULL = Drill(
    "disk_full",
    "",
    f"The home is on a disk of {DISK_MIB} MiB that is filled to the last byte in the middle of the work, then freed.",
    "disk_full",
    Boundary.TRUTH,
    fill_the_disk,
    cycles(2),
    settings={"disk_headroom_bytes": HEADROOM_BYTES, "reset_cooldown_s": 1.0, "pause_window_s": 1.0},
    disk_mib=DISK_MIB,
    cannot_run=no_small_disk,
)
