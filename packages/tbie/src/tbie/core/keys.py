"""Names of things: an item, and where its bytes are."""

from __future__ import annotations

from typing import NamedTuple


class ItemKey(NamedTuple):
    """One subject of work. Unique within a Truth store."""

    tenant: str
    item: str


class Address(NamedTuple):
    """Where an item's bytes are. Which buckets exist is the profile's business; the pair is never split."""

    bucket: str
    key: str
