"""Objects in a local directory, addressed by content; and, read-only, the user's own files where they lie."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tbie.core.errors import MisroutedIntentError, ObjectMissingError, ObjectStoreFullError, TbieError
from tbie.core.keys import Address

BUCKET = "objects"


class LocalObjects:
    """An ``ObjectStore`` in *root*. *sources* maps further buckets to the paths of their keys, for reading only."""

    def __init__(self, root: Path, sources: Mapping[str, Callable[[str], Path]] | None = None) -> None:
        self._root = root
        self._sources = dict(sources or {})
        root.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes, suffix: str) -> Address:
        key = hashlib.sha256(data).hexdigest() + suffix
        path = self.path(Address(BUCKET, key))
        if not path.exists():
            try:
                self._write(path, data)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise ObjectStoreFullError(
                        f"no room for {len(data)} bytes in {self._root}: free space and run the same command again"
                    ) from error
                raise TbieError(f"cannot store an object in {self._root}: {error.strerror}") from error
        return Address(BUCKET, key)

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # Truth will say that it exists, and Truth is fsynced
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def get(self, address: Address) -> bytes:
        try:
            return self.path(address).read_bytes()
        except FileNotFoundError as error:
            raise ObjectMissingError(f"nothing is at {address.bucket}:{address.key}") from error

    def has(self, address: Address) -> bool:
        try:
            self.path(address).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True  # it may be there: whoever opens it will learn more
        return True

    def _source(self, address: Address) -> Path:
        try:
            path = self._sources[address.bucket](address.key)
            os.fsencode(path)
        except ValueError as error:  # one wrong row must not end the control plane that addresses all others
            raise MisroutedIntentError(f"{address.key!r} is not a key of bucket {address.bucket!r}: {error}") from error
        if "\0" in str(path):
            raise MisroutedIntentError(
                f"{address.key!r} is not a key of bucket {address.bucket!r}: no file has this name"
            )
        return path

    def path(self, address: Address) -> Path:
        """Where the bytes of *address* are on this machine.

        Raises:
            MisroutedIntentError: the bucket is not one of ours, or the key does not stay inside it.
        """
        if address.bucket in self._sources:
            return self._source(address)
        if address.bucket != BUCKET:
            known = [BUCKET, *sorted(self._sources)]
            raise MisroutedIntentError(f"there is no bucket {address.bucket!r}; known: {', '.join(known)}")
        if "/" in address.key or address.key.startswith("."):
            raise MisroutedIntentError(f"{address.key!r} is not a key of bucket {BUCKET!r}")
        return self._root / address.key[:2] / address.key
