"""How a stage comes to the bytes that people gave: a file where it lies, or a copy of an upload for as long as it is read.

Callers: ``picture``, for the stages that decode. Which buckets there are is the profile's to say; a stage knows addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from parjanya.catalog.paths import key_to_path
from tbie.core.keys import Address


class Sources(Protocol):
    """Resolves the address of an item."""

    def at(self, address: Address, most_bytes: int) -> AbstractContextManager[Path]:
        """A file with the bytes at *address*, while the context lasts. Whoever reads it looks at its size and kind itself.

        Raises:
            ImageRefused: ``source_missing`` (retriable), or ``too_large``: more than *most_bytes*, and it had to be copied.
            ObjectError: the store does not answer; to be tried again.
        """
        ...


class LocalFiles:
    """The user's own files, where they lie."""

    @contextmanager
    def at(self, address: Address, most_bytes: int) -> Iterator[Path]:  # noqa: ARG002 - whoever reads it looks
        yield key_to_path(address.key)


LOCAL_FILES = LocalFiles()
