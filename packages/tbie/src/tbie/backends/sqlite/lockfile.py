"""The queue of writers in front of one SQLite file: a lock on a file beside it, given up on after a while.

Waiting in ``flock`` keeps the order of those who wait, which asking again and again does not; but it cannot be broken off, and a
process that was stopped while it held the lock never lets go. So the wait is done by a thread, and whoever asked may leave.
Caller: ``database`` of this folder, which lets one thread in at a time.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path


class LockFile:
    """One process's place in the queue. Not for several threads at once.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._waiter: _Waiter | None = None

    def take(self, patience_s: float) -> None:
        """Wait for the lock.

        Raises:
            TimeoutError: somebody else kept it for longer than *patience_s*.
        """
        if self._waiter is None:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._waiter = _Waiter(os.dup(self._fd))
            else:
                return
        answer = self._waiter.wait(patience_s)
        if answer is None:
            raise TimeoutError(f"another process has held {self.path.name} for {patience_s:g} s")
        self._waiter = None
        if not answer:
            self.take(patience_s)  # nobody was here when its turn came: begin again, at the end of the queue

    def release(self) -> None:
        """Let the next one in."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Leave the queue."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class _Waiter:
    """Waits in a thread, for as long as it takes; a lock that nobody wants any more is given back at once.

    Args:
        fd: a descriptor of the same open file as its owner's, so that the lock is the owner's; closed at the end.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._state = threading.Condition()
        self._wanted = False
        self._taken: bool | None = None
        threading.Thread(target=self._queue, name="lock", daemon=True).start()

    def wait(self, patience_s: float) -> bool | None:
        """True: we hold the lock. False: it came and went while nobody waited. None: not yet."""
        with self._state:
            self._wanted = True
            self._state.wait_for(lambda: self._taken is not None, patience_s)
            self._wanted = False
            return self._taken

    def _queue(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        with self._state:
            self._taken = self._wanted
            if not self._taken:
                fcntl.flock(self._fd, fcntl.LOCK_UN)
            self._state.notify_all()
        os.close(self._fd)
