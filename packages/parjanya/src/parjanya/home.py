"""A home: the directory that holds one instance, or says where it is. Who may use it, and where things are in it.

truth.db     the durable record          intent.db    the queue; may be deleted at any moment
ledger.db    what was decided and why; may be deleted at any moment
profile.json where the stores are, if not in these files
objects/     previews, by content        run/         sockets of this moment: slots, bells, logs
logs/        events, if anybody asked for them
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from tbie.core.errors import HomeError

DEFAULT_NAME = ".parjanya"

PROBE_BYTES = 65_536
"""What one small transaction needs: a disk with less than this left is full for every purpose."""


class Home:
    """Paths inside a home directory; creates it if it can. With *paths_only*, of one that cannot be used, to examine it.

    Raises:
        HomeError: not a directory, not writable, or on a full disk; the message says which and what to do.
    """

    def __init__(self, root: Path, *, paths_only: bool = False) -> None:
        self.root = root.absolute()
        self._engine_lock: int | None = None
        if paths_only:
            return
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.run.mkdir(exist_ok=True)
        except OSError as error:
            raise HomeError(f"cannot use {self.root} as home: {_words(error)}") from error
        self.probe()

    def probe(self) -> None:
        """Make sure that it can be written: there is room, and permission, for one more small file.

        Raises:
            HomeError: there is not.
        """
        probe = self.run / f".probe-{os.getpid()}"
        try:
            try:
                probe.write_bytes(bytes(PROBE_BYTES))
            finally:
                probe.unlink(missing_ok=True)
        except OSError as error:
            raise HomeError(f"cannot use {self.root} as home: {_words(error)}") from error

    @property
    def truth(self) -> Path:
        """The durable record."""
        return self.root / "truth.db"

    @property
    def profile(self) -> Path:
        """What the instance is, if it is not embedded: where its stores are."""
        return self.root / "profile.json"

    def begun(self) -> bool:
        """Whether an instance was begun here. Only absence counts as none: any other error is for who opens it to explain."""
        return any(os.path.lexists(path) for path in (self.truth, self.profile))

    @property
    def intent(self) -> Path:
        """The queue."""
        return self.root / "intent.db"

    @property
    def ledger(self) -> Path:
        """What the reconciler decided, and why."""
        return self.root / "ledger.db"

    @property
    def objects(self) -> Path:
        """Previews and other derived bytes."""
        return self.root / "objects"

    @property
    def run(self) -> Path:
        """What belongs to running processes only."""
        return self.root / "run"

    @property
    def events(self) -> Path:
        """Events of the engine and of its workers, one JSON object a line; bounded."""
        return self.root / "logs" / "events.jsonl"

    @property
    def out(self) -> Path:
        """Where reports go unless another place is asked for."""
        return self.root / "out"

    def lead(self) -> bool:
        """Try to become the one engine of this home; the lock goes when the process does."""
        if self._engine_lock is not None:
            return True
        try:
            lock = os.open(self.run / "engine.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise HomeError(f"cannot use {self.root} as home: {_words(error)}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        self._engine_lock = lock
        return True

    def led(self) -> bool:
        """Whether some process, this one included, is the engine of this home now."""
        if self._engine_lock is not None:
            return True
        try:
            lock = os.open(self.run / "engine.lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def resign(self) -> None:
        """Stop being the engine of this home."""
        if self._engine_lock is not None:
            os.close(self._engine_lock)
            self._engine_lock = None


def _words(error: OSError) -> str:
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return "no permission to write there. Choose another with --home or PARJANYA_HOME."
        case errno.EROFS:
            return "the file system is read-only. Choose another with --home or PARJANYA_HOME."
        case errno.ENOTDIR | errno.EEXIST:
            return "it is not a directory. Choose another with --home or PARJANYA_HOME."
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full. Free space and run the same command again; nothing committed is lost."
        case _:
            return f"{(error.strerror or str(error)).lower()}. Choose another with --home or PARJANYA_HOME."
