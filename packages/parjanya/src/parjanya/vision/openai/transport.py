"""HTTP to one server, within limits: time, bytes, no redirects, no surprises from the environment.

Caller: ``engine``, which imports this module only when an engine is made: it is the one that needs httpx.

No connection is used twice: an answer can then never be one to another request, and the cost (one more connection per answer
that takes seconds to make) does not show. Proxies and ``.netrc`` from the environment are ignored, because pictures and a key go
to the declared server or nowhere. Certificates are checked against the system's store, to which ``SSL_CERT_FILE`` may point.

What comes back is searched for the key before anybody else sees it: servers and proxies say which key they did not like, and
their words become evidence.
"""

from __future__ import annotations

import asyncio
import re
import ssl

import httpx

from parjanya.observation.validate import printable
from parjanya.vision.openai.replies import NoReply, Replied, Reply
from parjanya.vision.openai.settings import OpenaiSettings
from tbie.core.clock import Clock

_MOST_ERROR_BYTES = 16 << 10
_LEAST_SECRET = 8
"""A shorter key is a word that a server wants to see (``EMPTY``, ``none``), and may be part of honest answers."""
_HIDDEN = b"[key hidden]"


class Transport:
    """Must be used within one event loop."""

    def __init__(self, settings: OpenaiSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._secret = _echo_of(settings.key) if len(settings.key) >= _LEAST_SECRET else None
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "parjanya"}
        if settings.key:
            headers["Authorization"] = f"Bearer {settings.key}"
        secure = settings.base_url.startswith("https:")
        self._client = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(settings.read_timeout_s, connect=settings.connect_timeout_s, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
            verify=ssl.create_default_context() if secure else False,
        )

    async def get(self, path: str, total_s: float) -> Replied:
        """GET *path* below the base URL. Never raises but for cancellation."""
        return await self._ask("GET", path, None, total_s)

    async def post(self, path: str, body: bytes, total_s: float) -> Replied:
        """POST JSON to *path* below the base URL. Never raises but for cancellation."""
        return await self._ask("POST", path, body, total_s)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _ask(self, method: str, path: str, body: bytes | None, total_s: float) -> Replied:
        start = self._clock.monotonic_s()

        def failed(kind: str, words: str) -> NoReply:
            told = printable(self._without_key(words.encode("utf-8", "replace")))
            return NoReply(kind, told, self._clock.monotonic_s() - start)

        try:
            async with asyncio.timeout(total_s):
                reply = await self._exchange(method, path, body)
        except TimeoutError:
            return failed("timeout", f"no whole answer within {total_s:g} s")
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return failed("unreachable", f"no connection: {error or 'it took too long'}")
        except httpx.TimeoutException:
            return failed("timeout", f"nothing came for {self._settings.read_timeout_s:g} s")
        except _TooLargeError as error:
            return failed("too_large", str(error))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
            return failed("broken", f"{type(error).__name__}: {error}")
        return Reply(reply.status, reply.body, reply.retry_after, reply.date, self._clock.monotonic_s() - start)

    async def _exchange(self, method: str, path: str, body: bytes | None) -> Reply:
        headers = {"Content-Type": "application/json", "Connection": "close"}
        address = self._settings.base_url + path
        async with self._client.stream(method, address, content=body, headers=headers) as response:
            if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
                raise _TooLargeError("the answer is packed, which was not asked for: how large it is cannot be known")
            most = self._settings.max_answer_bytes if response.status_code == 200 else _MOST_ERROR_BYTES
            held = bytearray()
            async for piece in response.aiter_raw(1 << 16):
                held += piece
                if len(held) > most:
                    if response.status_code != 200:
                        break  # an error page: its beginning is enough
                    raise _TooLargeError(f"the answer is longer than {most:,} bytes")
            given = {name: str(response.headers.get(name, ""))[:100] for name in ("Retry-After", "Date")}
            body = self._without_key(bytes(held[:most]))
            return Reply(response.status_code, body, given["Retry-After"], given["Date"])

    def _without_key(self, given: bytes) -> bytes:
        return given if self._secret is None else self._secret.sub(_HIDDEN, given)


def _echo_of(key: str) -> re.Pattern[bytes]:
    """The key as it may come back: as it is, or in JSON with any of its characters escaped."""
    each = (rb"(?:\\?" + re.escape(c).encode() + rb"|\\u00(?i:%02x))" % ord(c) for c in key)
    return re.compile(b"".join(each))


class _TooLargeError(Exception):
    pass
