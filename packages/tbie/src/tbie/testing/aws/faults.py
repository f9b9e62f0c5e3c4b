"""Faults of AWS on purpose, between a client and the network: they work on any server, and on AWS itself.

    with Faults(clients.dynamodb) as faults:
        faults.lose("TransactWriteItems")  # it is carried out, and nobody hears of it
        ...

Servers on a test's machine are never slow, stale or half done; what they promise too much is taken away here.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Any

from tbie.backends.aws.client import AWSResponse, Client, ReadTimeoutError

Change = Callable[[dict[str, Any]], None]
"""Changes the answer of a call before its caller sees it."""

_Sent = Callable[[Any], Any]
"""Given the request, what takes the place of sending it; None: it is sent after all."""

_FOR_EVER = 1_000_000


class Faults:
    """Faults of one client, as long as the context lasts. ``calls`` counts what was to be sent, by operation."""

    def __init__(self, client: Client) -> None:
        self._client, self._events = client, client.meta.events
        self._service = client.meta.service_model.service_id.hyphenize()
        self._plans: defaultdict[str, deque[_Sent]] = defaultdict(deque)
        self._changes: dict[str, Change] = {}
        self.calls: Counter[str] = Counter()

    def __enter__(self) -> Faults:
        self._events.register_first("before-send", self._before, unique_id=f"faults-{id(self)}")
        self._events.register_first("after-call", self._after, unique_id=f"changes-{id(self)}")
        return self

    def __exit__(self, *_exc: object) -> None:
        self._events.unregister("before-send", unique_id=f"faults-{id(self)}")
        self._events.unregister("after-call", unique_id=f"changes-{id(self)}")

    # -- what goes wrong

    def refuse(self, operation: str, code: str, status: int = 400, times: int = _FOR_EVER, words: str = "no") -> None:
        """The next *times* calls are answered with an error and change nothing."""
        self._plan(operation, lambda request: self._error(request.url, code, status, words), times)

    def deny(self, operation: str, times: int = _FOR_EVER) -> None:
        """The role lacks the permission."""
        words = f"User: arn:aws:iam::000000000000:role/test is not authorized to perform: {self._service}:{operation}"
        self.refuse(operation, "AccessDeniedException", 400, times, words)

    def expire(self, operation: str, times: int = _FOR_EVER) -> None:
        """The credentials have run out."""
        words = "The security token included in the request is expired"
        self.refuse(operation, "ExpiredTokenException", 400, times, words)

    def throttle(self, operation: str, times: int = 1) -> None:
        """The service asks for patience."""
        self.refuse(operation, "ThrottlingException", 400, times, "Rate exceeded")

    def cut(self, operation: str, times: int = 1) -> None:
        """The connection breaks before anything was sent."""
        self._plan(operation, self._break, times)

    def lose(self, operation: str, times: int = 1) -> None:
        """It is carried out, and its answer never comes."""

        def lost(request: Any) -> Any:
            self._client._endpoint.http_session.send(request)
            return self._break(request)

        self._plan(operation, lost, times)

    def answer(self, operation: str, change: Change) -> None:
        """*change* every answer of *operation*: stale, duplicated, shuffled, half done."""
        self._changes[operation] = change

    def before(self, operation: str, act: Callable[[], object], times: int = 1) -> None:
        """*act* just before a call is sent: somebody else is faster."""

        def acting(_: Any) -> None:
            act()

        self._plan(operation, acting, times)

    # -- how

    def _plan(self, operation: str, what: _Sent, times: int) -> None:
        if times >= _FOR_EVER:
            self._plans[operation] = _Endless(what)
        else:
            self._plans[operation].extend([what] * times)

    def _before(self, request: Any, event_name: str, **_: object) -> Any:
        operation = event_name.rpartition(".")[2]
        self.calls[operation] += 1
        plan = self._plans[operation]
        return plan.popleft()(request) if plan else None

    def _after(self, parsed: dict[str, Any], event_name: str, **_: object) -> None:
        change = self._changes.get(event_name.rpartition(".")[2])
        if change is not None and "Error" not in parsed:
            change(parsed)

    def _break(self, request: Any) -> Any:
        raise ReadTimeoutError(endpoint_url=request.url)

    def _error(self, url: str, code: str, status: int, words: str) -> Any:
        if self._client.meta.service_model.metadata["protocol"] in {"query", "rest-xml", "ec2"}:
            inner = f"<Error><Code>{code}</Code><Message>{words}</Message></Error>"
            text = inner if self._service == "s3" else f"<ErrorResponse>{inner}</ErrorResponse>"
            return AWSResponse(url, status, {"content-type": "text/xml"}, _Raw(text.encode()))
        text = f'{{"__type":"com.amazonaws#{code}","message":"{words}"}}'
        headers = {"content-type": "application/x-amz-json-1.0", "x-amzn-errortype": code}
        return AWSResponse(url, status, headers, _Raw(text.encode()))


class _Endless(deque[_Sent]):
    """The same fault again and again."""

    def __init__(self, what: _Sent) -> None:
        super().__init__([what])

    def popleft(self) -> _Sent:
        return self[0]


class _Raw:
    """A body as the library reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._body

    def read(self, *_: object) -> bytes:
        return self._body
