"""Where the tests of one process speak to AWS: a local server, or (``TBIE_AWS_LIVE=1``) a real account. docs/aws-testing.md.

Fixtures that use this import it inside: whoever runs no such test does not wait for the client library.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tbie.backends.aws.client import PATIENT, Clients, Connecting
from tbie.backends.aws.place import Place
from tbie.testing.aws.account import NO_PATIENCE, Bound, Declared, Patience, declared, rest
from tbie.testing.aws.leftovers import drop_place, remove_all
from tbie.testing.aws.needed import needed_interpreter
from tbie.testing.aws.server import REGION, ROOT_KEY, LocalServer

IMPATIENT = Connecting(read_timeout_s=5.0, attempts=1)
"""Nothing is tried again by the client library: what our own code does about a fault is seen, and seen at once."""

_NUMBERS = itertools.count(1)


class Site:
    """A local server, or an account, as far as tests need to know. Connections are shared: making those is dear.

    Args:
        server: None for an account.
        prefix: what every name begins with.
        patience: what has to be waited for there, and how long. A local server is at once what it was told to be.
        bound: counts the calls to an account, and ends them.
    """

    def __init__(
        self,
        server: LocalServer | None,
        region: str,
        prefix: str,
        patience: Patience = NO_PATIENCE,
        bound: Bound | None = None,
    ) -> None:
        self.server, self.region, self.prefix, self.patience = server, region, prefix, patience
        self._bound = bound
        self._shared: dict[int, Clients] = {}
        self._made: list[Clients] = []

    @property
    def is_live(self) -> bool:
        """Whether this is an account: nobody owns its clock, and what it shows may be late."""
        return self.server is None

    def place(self, connecting: Connecting = PATIENT) -> Clients:
        """A place of its own, where there is nothing yet."""
        prefix = f"{self.prefix}{next(_NUMBERS)}"
        place = Place(self.region, prefix, f"{prefix}-objects", self.server.url if self.server else None)
        found = self._connected(place, connecting).at(place)
        if self.is_live:
            self._made.append(found)
        return found

    def _connected(self, place: Place, connecting: Connecting) -> Clients:
        if connecting.attempts not in self._shared:
            credentials = ROOT_KEY if self.server else None  # an account's are found where AWS says
            made = self._shared[connecting.attempts] = Clients(place, connecting, credentials)
            if self._bound is not None:
                self._bound.watch(made)
        return self._shared[connecting.attempts]

    def drop(self) -> None:
        """Remove what the places hold that were made since the last time; a local server is stopped anyway."""
        while self._made:
            drop_place(self._made.pop())

    def close(self) -> None:
        """Remove whatever is left of this run, by its names.

        Raises:
            RuntimeError: something could not be removed; it is named.
        """
        try:
            if self.is_live and self._shared:
                if self._bound is not None:
                    self._bound.lift()
                self._made.clear()
                names = re.compile(re.escape(self.prefix) + ".+")
                clients = next(iter(self._shared.values()))
                remove_all(clients, names, self.prefix, lambda: rest(self.patience.removed_s))
        finally:
            for clients in self._shared.values():
                clients.close()


_SITES: dict[str, Site] = {}
_ACCOUNTS: list[Site] = []
_SPENT: list[str] = []


def drop_made() -> None:
    """Remove what was made on accounts since the last time."""
    for site in _ACCOUNTS:
        site.drop()


def spent() -> list[str]:
    """What was asked of accounts in this process, a line for each."""
    return _SPENT


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
    asked = declared(os.environ)
    if isinstance(asked, str):
        pytest.fail(asked)
    if asked is not None:
        yield from _account(asked)
        return
    for server in running(folder):
        site = _SITES[server.url] = Site(server, REGION, "test")
        yield site
        _SITES.pop(server.url).close()


def _account(asked: Declared) -> Iterator[Site]:
    site = Site(None, asked.region, asked.prefix, asked.patience, asked.bound)
    _ACCOUNTS.append(site)
    try:
        yield site
    finally:
        _ACCOUNTS.remove(site)
        try:
            site.close()
        finally:
            _SPENT.append(f"calls to AWS in {asked.region}, names {asked.prefix}…: {asked.bound}")
