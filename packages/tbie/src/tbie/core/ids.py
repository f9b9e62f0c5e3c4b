"""The only place where random identifiers come from."""

from __future__ import annotations

import itertools
import os
from typing import Protocol


class Ids(Protocol):
    """A source of identifiers that are never handed out twice."""

    def token(self) -> str:
        """A fresh token: the identity of one live intent."""
        ...


class RandomIds:
    """Sixteen random hexadecimal characters per process, then a counter: unique and cheap (about 0.2 µs)."""

    def __init__(self) -> None:
        self._prefix = os.urandom(8).hex()
        self._pid = os.getpid()
        self._count = itertools.count(1)

    def token(self) -> str:
        if os.getpid() != self._pid:  # a forked child must not repeat its parent's sequence
            self.__init__()  # type: ignore[misc]
        return f"{self._prefix}{next(self._count):x}"


class SequentialIds:
    """Readable, repeatable identifiers for tests and simulations."""

    def __init__(self, prefix: str = "t") -> None:
        self._prefix = prefix
        self._count = itertools.count(1)

    def token(self) -> str:
        return f"{self._prefix}{next(self._count)}"
