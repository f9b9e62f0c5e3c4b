"""Where one system lives: the one place where the names of its tables, queues and bucket are made. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tbie.core.errors import SettingsError

TABLES = ("items", "history", "open", "control", "register")
"""items: one row for each item. history: every change. open: the index of open work, whose stream is the change stream.
control: documents, heartbeats, counters, cursors. register: what was sent; Intent's, and may be deleted at any moment."""

_PREFIX = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")
_STAGE = re.compile(r"[A-Za-z0-9_-]{1,30}")


@dataclass(frozen=True, slots=True)
class Place:
    """Region and names of one system.

    Raises:
        SettingsError: a name that AWS would refuse.
    """

    region: str
    prefix: str
    """What every name begins with: lower-case letters, digits, hyphens; 2 to 40."""
    bucket: str
    """Uploads and derived objects. Bucket names are unique in the world, so it is given and not made."""
    endpoint: str | None = None
    """Where the interfaces are, for a server that is not AWS; None for the region's own (never the global one: it answers
    a browser's upload with a redirect, which the browser refuses to follow, incident 7)."""

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise SettingsError(f"prefix {self.prefix!r}: 2 to 40 lower-case letters, digits and hyphens are needed")
        if not self.region or not re.fullmatch(r"[a-z0-9-]+", self.region):
            raise SettingsError(f"region {self.region!r} is not the name of one (eu-central-1, say)")

    def table(self, name: str) -> str:
        """The table *name* (one of ``TABLES``)."""
        if name not in TABLES:
            raise ValueError(f"no table {name!r}; there are {', '.join(TABLES)}")
        return f"{self.prefix}-{name}"

    def queue(self, stage: str) -> str:
        """The queue of *stage*."""
        return f"{self.prefix}-{_checked(stage)}"

    def dead_queue(self, stage: str) -> str:
        """The dead letters of *stage*."""
        return f"{self.prefix}-{_checked(stage)}-dead"

    def group(self, pool: str) -> str:
        """The Auto Scaling group of *pool*."""
        return f"{self.prefix}-{_checked(pool)}"


def _checked(name: str) -> str:
    if not _STAGE.fullmatch(name):
        raise SettingsError(f"{name!r} cannot be part of a queue's name: letters, digits, - and _, at most 30")
    return name
