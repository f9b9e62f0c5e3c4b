"""Processes of `parjanya` without the second that each needs for its imports: forked from one that has made them.

Caller: `product.py`, for commands that are started the ordinary way; how a process starts is the subject of
`test_curate.py`, whose commands start as a user's do. What is forked differs from those in nothing that a test can ask:
it has its own arguments, environment, folder, descriptors and end, and nothing of another command, because nothing ran in
the process it comes from. Linux alone: elsewhere every command starts as a user's does.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

OURS = ("PARJANYA_", "TBIE_", "AWS_", "PYTEST_")
"""Variables that the program reads when it runs. Another one may mean something to Python or a library as it starts."""
IMPORTED = ("curate", "ingest", "status")
"""Commands whose imports are made: what most of the others share. What only they need, they import."""
LONGEST = 1 << 20


class Forked:
    """A process that was forked elsewhere, with what a test uses of `subprocess.Popen`."""

    def __init__(self, mold: Mold, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._mold, self._handle = mold, os.pidfd_open(pid)

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """As Popen's: raises TimeoutExpired after *timeout* seconds."""
        if self.returncode is None:
            ended, _, _ = select.select([self._handle], [], [], timeout)
            if not ended:
                raise subprocess.TimeoutExpired("parjanya", timeout or 0)
            self.returncode = os.waitstatus_to_exitcode(self._mold.status(self.pid))
            os.close(self._handle)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Mold:
    """The process that all others are forked from; it ends with whoever made it."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())], pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL
            )

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether a process with this environment may come from it."""
        names = self._environment.keys() | environment.keys()
        changed = [name for name in names if self._environment.get(name) != environment.get(name)]
        return all(name.startswith(OURS) for name in changed)

    def start(
        self, arguments: Sequence[str | bytes | os.PathLike[str]], environment: Mapping[str, str], out: int, err: int
    ) -> Forked:
        """A process of `parjanya` with *arguments*, writing to the descriptors *out* and *err*."""
        words = [os.fsdecode(argument) for argument in arguments]
        request = json.dumps([words, dict(environment), str(os.getcwd())]).encode()  # noqa: PTH109 - a text is sent
        assert len(request) <= LONGEST
        socket.send_fds(self._ours, [request], [out, err])
        return Forked(self, int(self._answer()))

    def status(self, pid: int) -> int:
        """How a process that has ended did so, as `os.waitpid` says it. Asked once: afterwards nothing is left of it."""
        self._ours.send(json.dumps(pid).encode())
        return int(self._answer())

    def _answer(self) -> bytes:
        answer = self._ours.recv(64)
        assert answer, "the process that others are forked from has ended"
        return answer

    def close(self) -> None:
        self._ours.close()
        self._process.wait(10)


_SHARED: list[Mold] = []


def shared() -> Mold:
    """The one of this process of tests, made when it is first asked for."""
    if not _SHARED:
        _SHARED.append(Mold())
    return _SHARED[0]


def end() -> None:
    """The shared one is not needed any more."""
    while _SHARED:
        _SHARED.pop().close()


def possible() -> bool:
    """Whether this machine has what it takes."""
    return hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal")


def serve(channel: socket.socket) -> list[str] | None:
    """Fork when asked to. Returns twice: the arguments in each process that was forked, None at the very end."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(channel, LONGEST, 2)
        if not data:
            return None
        request = json.loads(data)
        if isinstance(request, int):
            channel.send(str(os.waitpid(request, 0)[1]).encode())
            continue
        words, environment, folder = request
        pid = os.fork()
        if pid == 0:
            for target, descriptor in enumerate(descriptors, start=1):
                os.dup2(descriptor, target)
                os.close(descriptor)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            return [str(word) for word in words]
        for descriptor in descriptors:
            os.close(descriptor)
        channel.send(str(pid).encode())


def be_the_mold(channel: socket.socket) -> None:
    """Import, serve; in a forked process: be the program."""
    import gc

    from parjanya.cli import main as program

    program._import(IMPORTED)
    gc.freeze()
    with channel:
        arguments = serve(channel)
    if arguments is not None:
        sys.argv = [str(program.__file__), *arguments]
        program.main()


if __name__ == "__main__":
    be_the_mold(socket.socket(fileno=int(sys.argv[1])))
