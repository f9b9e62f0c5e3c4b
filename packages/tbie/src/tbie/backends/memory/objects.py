"""Objects in memory."""

from __future__ import annotations

import hashlib

from tbie.core.errors import MisroutedIntentError, ObjectMissingError
from tbie.core.keys import Address

BUCKET = "objects"


class MemoryObjects:
    """An ``ObjectStore`` in a dictionary. *sources* are buckets of items whose bytes are elsewhere: always there."""

    def __init__(self, sources: frozenset[str] = frozenset()) -> None:
        self._objects: dict[str, bytes] = {}
        self._sources = sources

    def put(self, data: bytes, suffix: str) -> Address:
        key = hashlib.sha256(data).hexdigest() + suffix
        self._objects[key] = bytes(data)
        return Address(BUCKET, key)

    def get(self, address: Address) -> bytes:
        if address.bucket != BUCKET or address.key not in self._objects:
            raise ObjectMissingError(f"nothing is at {address.bucket}:{address.key}")
        return self._objects[address.key]

    def has(self, address: Address) -> bool:
        if address.bucket in self._sources:
            return True
        if address.bucket != BUCKET:
            raise MisroutedIntentError(
                f"there is no bucket {address.bucket!r}; known: {BUCKET}, {sorted(self._sources)}"
            )
        return address.key in self._objects
