"""One file of events that several processes append to, bounded: when it is full it becomes the older of two.

A worker's own error stream is no place for events: its end is the evidence when it dies.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
from pathlib import Path

MOST_BYTES = 16 * 1024 * 1024
"""Of one file; two are kept. About 100,000 events: some thousand images at the level of single items."""


class SharedFile(logging.Handler):
    """Appends each line in one write, which a local file system does not mix with another's."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        super().__init__()
        self._path, self._most = path, most_bytes
        self._fd = -1
        self._inode = 0
        self._complained = False

    def emit(self, record: logging.LogRecord) -> None:
        line = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
        try:
            self._follow(len(line))
            os.write(self._fd, line)
        except OSError as error:  # a full disk must not stop the work that the events are about
            if not self._complained:
                self._complained = True
                print(f"events are not kept in {self._path}: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201

    def _follow(self, coming: int) -> None:
        """Open the file that is at the path now; make room if it is full."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - once for each event; Path.stat costs three times as much
            if found.st_ino == self._inode and found.st_size + coming <= self._most:
                return
            if found.st_size + coming > self._most:
                self._turn_over(coming)
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        self._reopen()

    def _turn_over(self, coming: int) -> None:
        lock = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._path.stat().st_size + coming > self._most:  # nobody else did it while we waited
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        finally:
            os.close(lock)

    def _reopen(self) -> None:
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._inode = fd, os.fstat(fd).st_ino

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        super().close()
