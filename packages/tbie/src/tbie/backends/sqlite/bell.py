"""Wakes other processes after a commit: named pipes in the home, one for each waiter.

A lost ring costs one poll interval and nothing else: whoever wakes looks at the store, never at the bell. Named pipes
because their paths may be long, unlike those of sockets, and because a pipe without a reader says so when rung.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import threading
from pathlib import Path
from types import TracebackType


class Bell:
    """Waits for, or rings, everybody who listens to *topic*."""

    def __init__(self, folder: Path, topic: str) -> None:
        self._folder, self._topic = folder, topic
        self._lock = threading.Lock()
        self._pipes: dict[str, int] = {}
        self._stamp = -1
        folder.mkdir(parents=True, exist_ok=True)

    def ring(self) -> None:
        """Wake every listener. Never waits; a listener that is awake already is left alone."""
        with self._lock:
            self._refresh()
            for name, pipe in list(self._pipes.items()):
                try:
                    os.write(pipe, b"!")
                except BlockingIOError:
                    pass  # full: it has been rung often enough
                except BrokenPipeError:
                    self._forget(name)

    def _refresh(self) -> None:
        try:
            stamp = os.stat(self._folder).st_mtime_ns  # noqa: PTH116 - on the path of each commit
        except FileNotFoundError:
            return  # somebody deleted the folder: that costs rings, never the commit that is to be heard of
        if stamp == self._stamp:
            return
        self._stamp = stamp
        names = {entry.name for entry in os.scandir(self._folder) if entry.name.startswith(f"{self._topic}.")}
        for name in self._pipes.keys() - names:
            self._forget(name)
        for name in names - self._pipes.keys():
            path = self._folder / name
            if not path.is_fifo():
                continue  # somebody else's file: a ring would be written into it
            try:
                self._pipes[name] = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                if error.errno == errno.ENXIO:  # its reader has died
                    path.unlink(missing_ok=True)

    def _forget(self, name: str) -> None:
        pipe, path = self._pipes.pop(name), self._folder / name
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(pipe), path.stat()):
                path.unlink()
        os.close(pipe)
        self._stamp = -1  # a namesake may have put its own pipe there: look again

    def close(self) -> None:
        """Let go of all pipes."""
        with self._lock:
            for pipe in self._pipes.values():
                os.close(pipe)
            self._pipes.clear()


class Listener:
    """One waiter's own pipe. Where named pipes do not work, it only waits."""

    def __init__(self, folder: Path, topic: str, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{topic}.{name}"
        self._idle = threading.Event()
        self._pipe: int | None = None
        # left by a namesake that was killed: in a container every life has the same process id
        self._path.unlink(missing_ok=True)
        try:
            os.mkfifo(self._path, 0o600)
            # opened for reading and writing, so that it never reports the end of file between two rings
            self._pipe = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            self._path.unlink(missing_ok=True)

    def wait(self, timeout_s: float) -> bool:
        """Until somebody rings, or *timeout_s*; returns whether it was rung."""
        if self._pipe is None:
            return self._idle.wait(timeout_s)
        try:
            readable, _, _ = select.select([self._pipe], [], [], max(timeout_s, 0))
            return bool(readable and os.read(self._pipe, 4096))
        except InterruptedError:
            return False

    def close(self) -> None:
        """Stop listening and take the pipe away."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
