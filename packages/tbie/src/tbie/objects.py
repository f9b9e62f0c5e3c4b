"""Objects: immutable bytes, addressed by what they are. Storing the same bytes twice stores them once.

The fifth store beside the four boundaries: stages put what they derive here (previews), and intents are checked
against it, but it holds no state of the workflow. Source files of the user may be resolved read-only through it.
"""

from __future__ import annotations

from typing import Protocol

from tbie.core.keys import Address


class ObjectStore(Protocol):
    """Where derived bytes live."""

    def put(self, data: bytes, suffix: str) -> Address:
        """Store *data* durably under its SHA-256 plus *suffix* (``".jpg"``) and return where it is. Idempotent.

        Raises:
            ObjectStoreFullError: no room. Nothing was stored.
        """
        ...

    def get(self, address: Address) -> bytes:
        """The bytes at *address*.

        Raises:
            ObjectMissingError: nothing is there.
        """
        ...

    def has(self, address: Address) -> bool:
        """Whether something is at *address*.

        Raises:
            MisroutedIntentError: the bucket is not one that this store can resolve.
        """
        ...
