"""The local server as a child of the tests: real HTTP, signatures and policies checked, a clock that the test owns.

Which server and why: docs/adr/0026-a-local-server-for-aws.md. It lives in an environment of its own (``./run aws-server``).
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tbie.backends.aws.client import Clients
from tbie.backends.aws.place import Place
from tbie.core.clock import ManualClock, SystemClock

LAUNCHER = Path(__file__).with_name("launcher.py")
ROOT_KEY = {"aws_access_key_id": "ROOTKEY", "aws_secret_access_key": "rootsecret"}
REGION = "eu-central-1"
_READY_S = 30.0


def interpreter() -> Path | None:
    """The Python of the server's environment: ``TBIE_AWS_SERVER``, or where ``./run aws-server`` put it; None if it is absent."""
    named = os.environ.get("TBIE_AWS_SERVER")
    found = Path(named) if named else Path(sys.prefix) / "aws-server" / "bin" / "python"
    return found if found.exists() else None


class LocalServer:
    """One running server. Use it as a context.

    Args:
        keep: descriptors that it inherits. With some, it outlives whoever started it, and no Ctrl-C in their terminal ends it.
    """

    def __init__(
        self, python: Path, folder: Path, environment: dict[str, str] | None = None, keep: tuple[int, ...] = ()
    ) -> None:
        self._clock_file = folder / "clock"
        self._clock_file.write_bytes(struct.pack("<dd", 0.0, 0.0))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "aws-server.log"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PYTHON", "COVERAGE"))}
        own = {
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "GATEWAY_PORT": str(self.port),
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": ROOT_KEY["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY["aws_secret_access_key"],
            "LOG_LEVEL": "WARNING",
            "TMPDIR": str(folder),
            "TBIE_SERVER_CLOCK": str(self._clock_file),
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(python), str(LAUNCHER)],
                env={**inherited, **own, **(environment or {})},
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                pass_fds=keep,
                start_new_session=bool(keep),
            )
        self._wait()

    def _wait(self) -> None:
        clock = SystemClock()
        until_s = clock.monotonic_s() + _READY_S
        while clock.monotonic_s() < until_s and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/ready", timeout=1):
                    return
            except OSError:
                self._pause(0.05)
        self.close()
        raise RuntimeError(f"the local AWS server did not start; its log ends: {self.log.read_text()[-2_000:]}")

    def _pause(self, seconds: float) -> None:
        """As long as the process lives: one that ends is noticed at once."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def clients(self, prefix: str, credentials: dict[str, str] | None = None) -> Clients:
        """Connections of the root user, or of whoever *credentials* names, to a place on this server."""
        place = Place(REGION, prefix, f"{prefix}-objects", self.url)
        return Clients(place, credentials=credentials or ROOT_KEY)

    def stand_still_at(self, epoch_ms: int | None) -> None:
        """The server's clock shows this time until it is told another; None: this machine's time."""
        frozen_s = 0.0 if epoch_ms is None else epoch_ms / 1000 + 1e-6  # over the edge: 59.9999999 is 60
        with self._clock_file.open("r+b") as file:
            file.write(struct.pack("<dd", 0.0, frozen_s))

    def reset(self) -> None:
        """Forget everything."""
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/_ministack/reset", method="POST"), timeout=10):
            pass

    def close(self) -> None:
        """Stop it; it has nothing to lose."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


class SharedClock(ManualClock):
    """A clock of a test that the server follows: queues and leases there end when the test says so."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        super().__init__()
        self._tell = tell
        tell(self.now_ms())

    def advance_ms(self, ms: int) -> None:
        super().advance_ms(ms)
        self._tell(self.now_ms())
