"""What a server does to a connection when it misbehaves; by the names of ``behaviour.OF_THE_SERVER``.

Caller: ``model_server``. Every way ends when the client goes away or the server closes.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parjanya.testing.model_server import _Handler

_STATUS = {"error": 500, "bad_request": 400, "unprocessable": 422, "missing": 404, "refused_key": 401}
_BODIES: dict[str, Any] = {
    "empty": b"",
    "error_in_200": {"error": {"message": "the engine died", "code": 500}},
    "no_choices": {"id": "x", "object": "chat.completion", "choices": []},
    "wrong_envelope": [{"generated_text": "a boat"}],
    "bad_utf8": b'{"choices": [{"message": {"content": "\xff\xfe\x80"}}]}',
}


def misbehave(handler: _Handler, kind: str, body: bytes) -> None:
    """Do *kind* to the client instead of sending *body*, the right answer."""
    handler.close_connection = True
    if kind in _STATUS:
        handler.reply(_STATUS[kind], {"error": {"message": f"misbehaving: {kind}"}})
    elif kind in _BODIES:
        given = _BODIES[kind]
        _send(handler, given if isinstance(given, bytes) else json.dumps(given).encode())
    else:
        _WAYS[kind](handler, body)


def _send(handler: _Handler, body: bytes, **headers: str) -> None:
    handler.send_response(200)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def _stall(handler: _Handler, _body: bytes) -> None:
    handler.server.owner.closing.wait(600)


def _stall_body(handler: _Handler, body: bytes) -> None:
    _head(handler, len(body))
    handler.server.owner.closing.wait(600)


def _head(handler: _Handler, length: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(length))
    handler.end_headers()


def _slowly(handler: _Handler, data: bytes) -> None:
    owner = handler.server.owner
    for place in range(len(data)):
        handler.wfile.write(data[place : place + 1])
        if owner.closing.wait(owner.pause_s):
            return


def _drip(handler: _Handler, body: bytes) -> None:
    _head(handler, len(body))
    _slowly(handler, body)


def _drip_head(handler: _Handler, _body: bytes) -> None:
    _slowly(handler, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 30_000)


def _busy(handler: _Handler, _body: bytes) -> None:
    handler.reply(429, {"error": {"message": "busy"}}, {"Retry-After": handler.server.owner.retry_after})


def _busy_silent(handler: _Handler, _body: bytes) -> None:
    handler.reply(429, {"error": {"message": "busy"}})


def _unavailable(handler: _Handler, _body: bytes) -> None:
    handler.reply(503, {"error": {"message": "loading"}}, {"Retry-After": handler.server.owner.retry_after})


def _redirect(handler: _Handler, _body: bytes) -> None:
    handler.reply(307, {}, {"Location": handler.server.owner.base_url + "/chat/completions"})


def _close_mid_body(handler: _Handler, body: bytes) -> None:
    _head(handler, len(body) + 100)
    handler.wfile.write(body)


def _close_at_once(_handler: _Handler, _body: bytes) -> None:
    pass


def _endless(handler: _Handler, _body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    while not handler.server.owner.closing.is_set():
        handler.wfile.write(piece)


def _wrong_type(handler: _Handler, _body: bytes) -> None:
    _send(handler, b"<html><h1>Welcome to the proxy</h1></html>", Content_Type="text/html")


def _huge_headers(handler: _Handler, body: bytes) -> None:
    _send(handler, body, X_Huge="a" * 1_000_000)


def _garbage(handler: _Handler, _body: bytes) -> None:
    handler.wfile.write(b"\x16\x03\x01\x02\x00\x01 this is not HTTP\r\n\r\n")


def _zipped(handler: _Handler, _body: bytes) -> None:
    _send(handler, _bomb(), Content_Encoding="gzip")


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * 20_000_000, compresslevel=1)


def _raw(handler: _Handler, _body: bytes) -> None:
    handler.wfile.write(handler.server.owner.raw)


def _raw_body(handler: _Handler, _body: bytes) -> None:
    _send(handler, handler.server.owner.raw)


def _twice(handler: _Handler, body: bytes) -> None:
    handler.close_connection = False
    _send(handler, body)
    _send(handler, json.dumps({"choices": [{"message": {"content": "for another request"}}]}).encode())


_WAYS: dict[str, Callable[[_Handler, bytes], None]] = {
    "stall": _stall,
    "stall_body": _stall_body,
    "drip": _drip,
    "drip_head": _drip_head,
    "busy": _busy,
    "busy_silent": _busy_silent,
    "unavailable": _unavailable,
    "redirect": _redirect,
    "close_mid_body": _close_mid_body,
    "close_at_once": _close_at_once,
    "endless": _endless,
    "wrong_type": _wrong_type,
    "huge_headers": _huge_headers,
    "garbage": _garbage,
    "zipped": _zipped,
    "twice": _twice,
    "raw": _raw,
    "raw_body": _raw_body,
}
