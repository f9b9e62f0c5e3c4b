"""The metadata service of an instance over real HTTP on loopback: sessions, what is there, and what can go wrong."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PREFIX = "/latest/meta-data/"
ORDINARY = {
    "instance-id": "i-0123456789abcdef0",
    "placement/region": "eu-central-1",
    "placement/availability-zone": "eu-central-1a",
    "instance-type": "g6.xlarge",
    "ami-id": "ami-0123456789abcdef0",
    "autoscaling/target-lifecycle-state": "InService",
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is no error here."""


class FakeImds:
    """Use it as a context. ``values`` may be changed at any time; what is not in it is 404."""

    def __init__(self) -> None:
        self.values: dict[str, str | bytes] = dict(ORDINARY)
        self.token = "first"
        self.statuses: list[int] = []
        """Answers of the next reads, instead of what is there."""
        self.silent = threading.Event()
        """Set: requests are accepted and not answered."""
        self.drips = False
        """An answer comes byte by byte and does not end."""
        self.asked: list[str] = []
        self._over = threading.Event()

        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                fake.asked.append(f"PUT {self.path}")
                wrong = self.path != "/latest/api/token" or not self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
                self._answer(400 if wrong else 200, fake.token)

            def do_GET(self) -> None:
                fake.asked.append(f"GET {self.path}")
                if self.headers.get("X-aws-ec2-metadata-token") != fake.token:
                    self._answer(401, "")
                elif fake.statuses:
                    self._answer(fake.statuses.pop(0), "")
                else:
                    value = fake.values.get(self.path.removeprefix(PREFIX))
                    self._answer(404 if value is None else 200, value or "")

            def _answer(self, status: int, text: str | bytes) -> None:
                if fake.silent.is_set():
                    fake._over.wait(10)
                    return
                body = text.encode() if isinstance(text, str) else text
                self.send_response(status)
                self.send_header("Content-Length", str(10**9 if fake.drips else len(body)))
                self.end_headers()
                self.wfile.write(body)
                while fake.drips and not fake._over.wait(0.01):
                    self.wfile.write(b"x")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
                """Says nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self._server.server_address[1]

    def __enter__(self) -> FakeImds:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
