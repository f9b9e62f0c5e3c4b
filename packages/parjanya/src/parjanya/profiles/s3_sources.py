"""Uploads as stages read them: copied from S3 into a file of this machine, and gone with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parjanya.imaging.refusal import ImageRefused
from tbie.backends.aws.objects import S3Objects
from tbie.core.errors import ObjectMissingError, ObjectRefusedError
from tbie.core.keys import Address


class S3Sources:
    """``Sources`` of an instance whose images were uploaded."""

    def __init__(self, objects: S3Objects) -> None:
        self._objects = objects

    @contextmanager
    def at(self, address: Address, most_bytes: int) -> Iterator[Path]:
        with tempfile.NamedTemporaryFile(prefix="parjanya-upload-") as file:
            try:
                self._objects.download(address, file, most_bytes)
            except ObjectMissingError as error:
                raise ImageRefused("source_missing", str(error), retriable=True) from error
            except ObjectRefusedError as error:
                raise ImageRefused("too_large", str(error)) from error
            file.flush()
            yield Path(file.name)
