"""A local server of AWS's interfaces that belongs to a home: started by one command, ended by another, alive in between.

It keeps everything in memory: when it ends, its instance is gone. Its key is made for it and kept in the home. Whether it lives
says a lock that it holds and inherits from whoever started it: process ids are used again. Callers: the command line, tests.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from parjanya.home import Home
from parjanya.profiles.declared_profile import (
    CREDENTIALS,
    AwsPlace,
    ProfileError,
    declared_profile,
    write,
    write_credentials,
)
from tbie.core.ids import RandomIds
from tbie.testing.aws.server import REGION, LocalServer, interpreter

FOLDER = "aws-server"
"""In the home's ``run``."""
_STARTED: list[LocalServer] = []
"""By this process: one that is forgotten would be reported as lost, and a dead one that nobody waits for stays in the table."""
GONE_S = 10.0
"""How long a server that was told to end may take; then it is killed."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server that is alive."""

    pid: int
    url: str


def serving(home: Home) -> Served | None:
    """The server of this home; None if none is alive."""
    try:
        lock = os.open(_lock(home), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with os.fdopen(lock, "r") as file:
        if _held_by_nobody(lock):
            return None
        said = file.read(1_000)
        if not said:
            raise ProfileError(f"another command starts a server for {home.root} at this moment; try again")
        try:
            found = json.loads(said)
            return Served(int(found["pid"]), str(found["url"]))
        except (ValueError, KeyError, TypeError) as error:
            words = f"{_lock(home)} does not say which server holds it: end that process, and remove the file"
            raise ProfileError(words) from error


def start(home: Home) -> Served:
    """Start one, unless it lives; and declare in the home that the instance is there.

    Raises:
        ProfileError: it is not installed, the home holds an embedded instance, or it does not start.
    """
    alive = serving(home)
    if alive is not None:
        return alive
    python = interpreter()
    if python is None:
        raise ProfileError("the local server of AWS's interfaces is not installed here: ./run aws-server")
    if os.path.lexists(home.truth):
        raise ProfileError(f"{home.root} holds an embedded instance; choose another home with --home or PARJANYA_HOME")
    place = declared_profile(home)
    if place is not None and not os.path.lexists(_lock(home)):
        where = place.endpoint or f"{place.prefix} in {place.region}"
        raise ProfileError(f"{home.root} is the instance at {where}; choose another home with --home or PARJANYA_HOME")
    folder = _lock(home).parent
    folder.mkdir(parents=True, exist_ok=True)
    name, secret = f"LOCAL{RandomIds().token().upper()}", RandomIds().token() + RandomIds().token()  # 128 random bits
    lock = os.open(_lock(home), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if not _held_by_nobody(lock, keep=True):
            raise ProfileError(f"another command starts a server for {home.root} at this moment; try again")
        key = {"AWS_ACCESS_KEY_ID": name, "AWS_SECRET_ACCESS_KEY": secret}
        server = LocalServer(python, folder, key, keep=(lock,))
        os.ftruncate(lock, 0)
        os.write(lock, json.dumps({"pid": server.process.pid, "url": server.url}).encode())
        _STARTED.append(server)
    except RuntimeError as error:
        raise ProfileError(str(error)) from error
    finally:
        os.close(lock)  # the server goes on holding it
    write_credentials(home, name, secret)
    write(home, AwsPlace(REGION, "parjanya", f"parjanya-{name[5:].lower()}", server.url))
    return Served(server.process.pid, server.url)


def stop(home: Home) -> Served | None:
    """End the server of this home; None if none was alive. The home forgets an instance that is gone, and no other."""
    if not os.path.lexists(_lock(home)):
        return None
    alive = serving(home)
    if alive is not None:
        _end(home, alive.pid)
    for path in (home.profile, home.root / CREDENTIALS, _lock(home)):
        path.unlink(missing_ok=True)
    return alive


def set_clock(home: Home, ahead_s: float) -> None:
    """Let the clock of the server of *home* run *ahead_s* seconds ahead of this machine's (``tbie.testing.aws.launcher``)."""
    with (_lock(home).parent / "clock").open("r+b") as file:
        file.write(struct.pack("<dd", ahead_s, 0.0))


def _end(home: Home, pid: int) -> None:
    waiting = threading.Event()
    for number, patience_s in ((signal.SIGTERM, GONE_S), (signal.SIGKILL, GONE_S)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        for _ in range(int(patience_s / 0.05)):
            if serving(home) is None:
                for server in _STARTED:
                    server.process.poll()
                return
            waiting.wait(0.05)
    raise ProfileError(f"the local server (process {pid}) does not end")


def _lock(home: Home) -> Path:
    return home.run / FOLDER / "server.lock"


def _held_by_nobody(lock: int, keep: bool = False) -> bool:
    """Whether the lock is free; with *keep*, taken then."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    if not keep:
        fcntl.flock(lock, fcntl.LOCK_UN)
    return True
