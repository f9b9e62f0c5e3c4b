"""A model server for tests and drills: chat completions over real HTTP on a free port of this machine, from the standard library.

It answers every picture with an observation that follows from the picture's bytes, keeps to the JSON schema it is sent, gives
probabilities of tokens, counts what it is asked and how much of it at once, and misbehaves on request (``behaviour``): for every
request, by a schedule, or as ``POST /control {"behave": "stall"}`` says. As a process of its own: ``python -m
parjanya.testing.model_server``; it prints its address and serves until it is stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from PIL import Image

from parjanya.testing.answers import UnknownSchemaError
from parjanya.testing.behaviour import KINDS, OF_THE_MODEL, Ask, Schedule, always
from parjanya.testing.completion import completion, picture_of, schema_of
from parjanya.testing.mischief import misbehave

MAX_REQUEST_BYTES = 64 << 20


class ModelServer:
    """Serves from entering to leaving a ``with`` block. Attributes may be changed while it serves."""

    def __init__(self, model: str = "test-vl", port: int = 0) -> None:
        self.model = model
        self.schedule: Schedule = always(None)
        self.key = ""
        """The key it wants; empty: none."""
        self.takes_logprobs = True
        """False: a request that asks for logprobs is refused with 400."""
        self.gives_logprobs = True
        """False: they are left out without a word."""
        self.style = "plain"
        """How tokens are cut (``answers.STYLES``)."""
        self.heeds_budget = True
        """False: ``usage`` says that the picture was blown up to four times its tokens."""
        self.heeds_schema = True
        """False: an answer that no schema constrained, for the engine's own questions too."""
        self.takes_pictures = True
        """False: 400 for every picture, as a text model does."""
        self.raw = b""
        """What is sent for ``raw`` and ``raw_body``."""
        self.retry_after = "3"
        self.answer_after_s = 0.0
        """How long a proper answer takes, as a model's does."""
        self.pause_s = 0.02
        """Between the bytes of a slow answer."""
        self.hold = threading.Event()
        """While it is clear, requests wait before they are answered: to see how many are under way at once."""
        self.hold.set()
        self.closing = threading.Event()
        self.asks: list[Ask] = []
        self.models_asked = 0
        self.connections = 0
        self.highest = 0
        self._under_way = 0
        self._lock = threading.Lock()
        self._server = _Listener(("127.0.0.1", port), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        """``http://127.0.0.1:port``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def base_url(self) -> str:
        """What an engine is given."""
        return self.address + "/v1"

    @property
    def under_way(self) -> int:
        """Requests that have arrived and are not answered."""
        return self._under_way

    def behave(self, kind: str | None) -> None:
        """Misbehave as *kind* for every request from now on; None: behave."""
        if kind is not None and kind not in KINDS:
            raise ValueError(f"{kind!r} is no misbehaviour; there are {', '.join(KINDS)}")
        self.schedule = always(kind)

    def asked(self, schema_name: str) -> list[Ask]:
        """The requests so far under a schema of this name."""
        return [ask for ask in self.asks if ask.schema_name == schema_name]

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self.hold.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def begin(self, request: dict[str, Any], authorization: str) -> Ask:
        """Note that a request has arrived."""
        picture = picture_of(request)
        with self._lock:
            ask = Ask(
                number=len(self.asks) + 1,
                schema_name=schema_of(request)[0],
                picture=hashlib.sha256(picture).hexdigest() if picture else "",
                size_px=Image.open(io.BytesIO(picture)).size if picture else (0, 0),
                temperature=request.get("temperature"),
                seed=request.get("seed"),
                logprobs=bool(request.get("logprobs")),
                model=str(request.get("model")),
                authorization=authorization,
            )
            self.asks.append(ask)
            self._under_way += 1
            self.highest = max(self.highest, self._under_way)
        return ask

    def end(self) -> None:
        """Note that a request has been answered."""
        with self._lock:
            self._under_way -= 1


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: ModelServer

    def process_request(self, request: Any, client_address: Any) -> None:
        """Each connection comes by here once."""
        self.owner.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener
    timeout = 60

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Nothing is logged."""

    def do_GET(self) -> None:
        owner = self.server.owner
        if self.path == "/v1/models":
            owner.models_asked += 1
            if owner.key and self.headers.get("Authorization") != f"Bearer {owner.key}":
                self.reply(401, {"error": {"message": "no such key"}})
            else:
                self.reply(200, {"object": "list", "data": [{"id": owner.model, "object": "model"}]})
        elif self.path == "/control":
            self.reply(200, {"asked": len(owner.asks), "under_way": owner.under_way, "highest": owner.highest})
        else:
            self.reply(404, {"error": {"message": "no such page"}})

    def do_POST(self) -> None:
        owner = self.server.owner
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_REQUEST_BYTES:
            self.close_connection = True
            self.reply(413, {"error": {"message": "too long"}})
            return
        try:
            request = json.loads(self.rfile.read(length))
            if self.path == "/control":
                owner.behave(request.get("behave"))
                self.reply(200, {})
                return
            ask = owner.begin(request, self.headers.get("Authorization", ""))
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            self.reply(400, {"error": {"message": f"not a request: {error}"}})
            return
        try:
            owner.hold.wait(60)
            self._answer(request, ask)
        finally:
            owner.end()

    def _answer(self, request: dict[str, Any], ask: Ask) -> None:
        owner = self.server.owner
        if problem := self._refusal(request, ask):
            self.reply(problem[0], {"error": {"message": problem[1], "type": "invalid_request_error"}})
            return
        kind = owner.schedule(ask)
        try:
            body = completion(owner, request, ask, kind if kind in OF_THE_MODEL else None)
        except UnknownSchemaError as error:
            self.reply(400, {"error": {"message": str(error)}})
            return
        if kind is None or kind in OF_THE_MODEL:
            owner.closing.wait(owner.answer_after_s)
            self.reply(200, body)
        else:
            misbehave(self, kind, json.dumps(body).encode())

    def _refusal(self, request: dict[str, Any], ask: Ask) -> tuple[int, str] | None:
        owner = self.server.owner
        if self.path != "/v1/chat/completions":
            return 404, "no such page"
        if owner.key and ask.authorization != f"Bearer {owner.key}":
            return 401, "no such key"
        if request.get("model") != owner.model:
            return 404, f"the model {request.get('model')!r} does not exist"
        if ask.picture and not owner.takes_pictures:
            return 400, "this model does not support images"
        if ask.logprobs and not owner.takes_logprobs:
            return 400, "logprobs are not supported"
        return None

    def reply(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        """Send one whole answer."""
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)


def main(arguments: list[str] | None = None) -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="parjanya.testing.model_server")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--model", default="test-vl")
    parser.add_argument("--behave", choices=KINDS)
    parser.add_argument("--answer-after-s", type=float, default=0.0)
    options = parser.parse_args(arguments)
    with ModelServer(options.model, options.port) as server:
        server.behave(options.behave)
        server.answer_after_s = options.answer_after_s
        sys.stdout.write(server.base_url + "\n")
        sys.stdout.flush()
        server.closing.wait()


if __name__ == "__main__":
    main()
