"""A running server for the tests of one process, and a fresh place on it for each test.

Fixtures that use this import it inside: whoever runs no such test does not wait for the client library.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from tbie.backends.aws.client import PATIENT, Clients, Connecting
from tbie.backends.aws.place import Place
from tbie.testing.aws.needed import needed_interpreter
from tbie.testing.aws.server import REGION, ROOT_KEY, LocalServer

IMPATIENT = Connecting(read_timeout_s=5.0, attempts=1)
"""Nothing is tried again by the client library: what our own code does about a fault is seen, and seen at once."""

_NUMBERS = itertools.count(1)
_SHARED: dict[tuple[str, int], Clients] = {}


def running(folder: Path) -> Iterator[LocalServer]:
    """A server, until the generator ends."""
    with LocalServer(needed_interpreter(), folder) as server:
        yield server
        for clients in _SHARED.values():
            clients.close()
        _SHARED.clear()


def fresh_place(server: LocalServer, connecting: Connecting = PATIENT) -> Clients:
    """A place of its own, where there is nothing yet, over connections that all tests share: making those is dear."""
    prefix = f"test{next(_NUMBERS)}"
    place = Place(REGION, prefix, f"{prefix}-objects", server.url)
    kind = (server.url, connecting.attempts)
    if kind not in _SHARED:
        _SHARED[kind] = Clients(place, connecting, ROOT_KEY)
    return _SHARED[kind].at(place)
