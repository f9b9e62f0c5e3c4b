"""Where the tests of one process speak to AWS: a local server, or (``TBIE_AWS_LIVE=1``) a real account. docs/aws-testing.md.

Fixtures that use this import it inside: whoever runs no such test does not wait for the client library.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tbie.backends.aws.client import PATIENT, Clients, Connecting
from tbie.backends.aws.place import TABLES, Place
from tbie.testing.aws.needed import needed_interpreter
from tbie.testing.aws.server import REGION, ROOT_KEY, LocalServer

LIVE, LIVE_REGION, LIVE_PREFIX = "TBIE_AWS_LIVE", "TBIE_AWS_REGION", "TBIE_AWS_PREFIX"

IMPATIENT = Connecting(read_timeout_s=5.0, attempts=1)
"""Nothing is tried again by the client library: what our own code does about a fault is seen, and seen at once."""

_NUMBERS = itertools.count(1)


class Site:
    """A local server, or an account, as far as tests need to know. Connections are shared: making those is dear."""

    def __init__(self, server: LocalServer | None, region: str, prefix: str) -> None:
        self.server, self.region, self.prefix = server, region, prefix
        self._shared: dict[int, Clients] = {}
        self._made: list[Place] = []

    @property
    def is_live(self) -> bool:
        """Whether this is an account: nobody owns its clock, and its streams are seconds behind."""
        return self.server is None

    def place(self, connecting: Connecting = PATIENT) -> Clients:
        """A place of its own, where there is nothing yet."""
        prefix = f"{self.prefix}{next(_NUMBERS)}"
        place = Place(self.region, prefix, f"{prefix}-objects", self.server.url if self.server else None)
        self._made.append(place)
        if connecting.attempts not in self._shared:
            credentials = ROOT_KEY if self.server else None  # an account's are found where AWS says
            self._shared[connecting.attempts] = Clients(place, connecting, credentials)
        return self._shared[connecting.attempts].at(place)

    def close(self) -> None:
        """Drop what was made on an account; a local server is stopped anyway."""
        if self.is_live and self._shared:
            database = next(iter(self._shared.values())).dynamodb
            for name in (place.table(table) for place in self._made for table in TABLES):
                try:
                    database.delete_table(TableName=name)
                except database.exceptions.ResourceNotFoundException:
                    continue
        for clients in self._shared.values():
            clients.close()


_SITES: dict[str, Site] = {}


def running(folder: Path) -> Iterator[LocalServer]:
    """A server, until the generator ends."""
    with LocalServer(needed_interpreter(), folder) as server:
        yield server


def fresh_place(server: LocalServer, connecting: Connecting = PATIENT) -> Clients:
    """A place of its own on *server*, where there is nothing yet."""
    if server.url not in _SITES:
        _SITES[server.url] = Site(server, REGION, "test")
    return _SITES[server.url].place(connecting)


def opened(folder: Path) -> Iterator[Site]:
    """The site that the environment asks for, until the generator ends."""
    if os.environ.get(LIVE) == "1":
        missing = [name for name in (LIVE_REGION, LIVE_PREFIX) if not os.environ.get(name)]
        if missing:
            pytest.fail(f"{LIVE}=1 needs {' and '.join(missing)} too: docs/aws-testing.md")
        site = Site(None, os.environ[LIVE_REGION], os.environ[LIVE_PREFIX])
        try:
            yield site
        finally:
            site.close()
        return
    for server in running(folder):
        site = _SITES[server.url] = Site(server, REGION, "test")
        yield site
        _SITES.pop(server.url).close()
