"""Redis and PostgreSQL for the peers: found on the machine, or installed from Debian when asked to.

They listen on loopback, on free ports, with temporary data. Each is started by the benchmark and stopped by its process
id. PostgreSQL refuses to run as root, so it is given to its own user then.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_PACKAGES = {"redis": "redis-server", "postgres": "postgresql"}
_START_S = 20.0


def find(server: str) -> Path | None:
    """The program of a server, or None if it is not installed."""
    match server:
        case "redis":
            found = shutil.which("redis-server")
            return Path(found) if found else None
        case "postgres":
            paths = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
            path = shutil.which("initdb") or (str(paths[-1]) if paths else None)
            return Path(path).resolve().parent if path else None
        case _:
            raise ValueError(server)


def install(server: str) -> None:
    """Install a server from Debian. Needs root."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], check=True, env=environment)
    subprocess.run(["apt-get", "install", "-q", "-y", _PACKAGES[server]], check=True, env=environment)


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis without persistence (its fastest); yields its URL."""
    program = find("redis")
    assert program is not None
    port = _free_port()
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with _process([str(program), *arguments], folder / "redis.log", None) as popen:
        _await_port(port, popen, folder / "redis.log")
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL with the settings it is installed with; yields the URL of a database that exists."""
    programs = find("postgres")
    assert programs is not None
    user = "postgres" if os.geteuid() == 0 else None
    data, port = folder / "postgres", _free_port()
    data.mkdir()
    if user is not None:
        owner = pwd.getpwnam(user)
        os.chown(data, owner.pw_uid, owner.pw_gid)
        folder.chmod(0o755)
    log = folder / "postgres.log"
    with log.open("wb") as out:
        initdb = [str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "bench", "-E", "UTF8"]
        subprocess.run(initdb, check=True, user=user, cwd=data, stdout=out, stderr=out)
    sockets = ["-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1"]
    with _process([str(programs / "postgres"), "-D", str(data), "-p", str(port), *sockets], log, user) as popen:
        _await_port(port, popen, log)
        yield f"postgresql://bench@127.0.0.1:{port}/postgres"


def fresh_database(url: str, name: str) -> str:
    """Make database *name* on the server of *url*; returns its URL."""
    programs = find("postgres")
    assert programs is not None
    deadline = time.monotonic() + _START_S
    while True:  # the port is open a moment before the server takes connections
        made = subprocess.run(
            [str(programs / "psql"), url, "-qc", f'CREATE DATABASE "{name}"'],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode == 0:
            return url.rpartition("/")[0] + f"/{name}"
        if time.monotonic() > deadline:
            raise SystemExit(f"cannot make a database: {made.stderr}")
        time.sleep(0.1)


@contextlib.contextmanager
def _process(command: Sequence[str], log: Path, user: str | None) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        popen = subprocess.Popen(command, stdout=out, stderr=out, user=user, cwd="/", start_new_session=True)
    try:
        yield popen
    finally:
        popen.send_signal(signal.SIGINT)  # for PostgreSQL: end sessions, then leave
        try:
            popen.wait(10)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _await_port(port: int, popen: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while popen.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"the server did not start:\n{log.read_text()[-2000:]}")
