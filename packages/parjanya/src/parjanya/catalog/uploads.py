"""Uploads: where one is in the bucket, which item it is, and what cannot be one. Pure.

``uploads/<tenant>/<sha256>/<name>``: the key alone says whose image this is, which bytes it must hold and what people call it, so
whoever hears that an object was created (an event carries its key and little else) can add the item. The item is named by tenant
and name, as a file is by tenant and path: the same name with other bytes is the same image, replayed; the same bytes sent again
are the same object, which is how an upload that was cut short goes on.

Callers: whoever signs uploads, and whoever hears of them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from parjanya.catalog.items import item_id
from parjanya.catalog.paths import key_to_path, path_to_key
from parjanya.imaging.limits import DEFAULT_LIMITS
from tbie.core.errors import TbieError
from tbie.core.keys import Address, ItemKey
from tbie.truth import NewItem

BUCKET = "uploads"
"""The bucket of their addresses, and the prefix of their keys in the store."""
MOST_BYTES = DEFAULT_LIMITS.max_file_bytes
"""Of one upload: what is larger would be refused by the stage *technical* anyway, after it was paid for."""
KEY_BYTES = 1_024
"""What S3 takes as a key, the prefix included."""
TENANT_MAX, NAME_MAX = 128, 4_096
_ESCAPE = "!"
"""Safe in every key and in every URL, unlike ``%``, which somebody on the way decodes once too often."""
_ESCAPED = re.compile("!([0-9A-F]{2})")
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
_HASH = re.compile(r"[0-9a-f]{64}")

_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".avif": "image/avif",
    ".dng": "image/x-adobe-dng",
}
OTHERWISE = "application/octet-stream"


class UploadRefusedError(TbieError):
    """This cannot be uploaded; the message says why. Nothing was stored."""


class NotAnUploadError(TbieError):
    """The key of an object is none that an upload can have: somebody else put it there. It is left alone."""


class Upload(NamedTuple):
    """One upload, before or after it was made."""

    tenant: str
    sha256: str
    """Of its bytes, in hexadecimal."""
    name: str
    """What people call it: a path, as ``catalog.paths`` writes one."""

    @property
    def item(self) -> ItemKey:
        """The image it is."""
        return ItemKey(self.tenant, item_id(self.name))

    @property
    def address(self) -> Address:
        """Where it is.

        Raises:
            UploadRefusedError: a name, a tenant or a hash that cannot be part of a key.
        """
        _check(self)
        key = f"{encoded(self.tenant)}/{self.sha256}/{encoded(self.name)}"
        taken = len(f"{BUCKET}/{key}".encode())
        if taken > KEY_BYTES:
            raise UploadRefusedError(
                f"{self.name!r:.100}: tenant and name take {taken} bytes of a key, at most {KEY_BYTES} do"
            )
        return Address(BUCKET, key)

    def new_item(self, size: int, uploaded_ms: int) -> NewItem:
        """The item to add; *size* in bytes, *uploaded_ms* by the store's clock: of two, the newer one counts."""
        attributes = {"path": self.name, "size": size, "sha256": self.sha256, "uploaded_ms": uploaded_ms}
        return NewItem(self.item, self.address, attributes)


def check_size(size: int) -> None:
    """Refuse what is too large to be looked at.

    Raises:
        UploadRefusedError: with both numbers.
    """
    if not 0 <= size <= MOST_BYTES:
        raise UploadRefusedError(f"{size} bytes, at most {MOST_BYTES} are taken")


def upload_of(key: str) -> Upload:
    """The upload at *key* of an address in ``uploads``. The inverse of ``address``.

    Raises:
        NotAnUploadError: no upload can be there.
    """
    parts = key.split("/")
    if len(key) > KEY_BYTES or len(parts) != 3 or not _HASH.fullmatch(parts[1]):
        raise NotAnUploadError(f"{key!r:.200} is not the key of an upload: {BUCKET}/TENANT/SHA256/NAME")
    try:
        found = Upload(decoded(parts[0]), parts[1], decoded(parts[2]))
        if found.address.key != "/".join(parts):
            raise NotAnUploadError(f"{key!r:.200} is not how this upload's key is written")
    except (UploadRefusedError, ValueError) as error:
        raise NotAnUploadError(f"{key!r:.200} is not the key of an upload: {error}") from error
    return found


def upload_at(object_key: str) -> Upload:
    """The upload at *object_key* of the whole store, where its bucket is a prefix: what an event names.

    Raises:
        NotAnUploadError: no upload can be there.
    """
    bucket, _, key = object_key.partition("/")
    if bucket != BUCKET:
        raise NotAnUploadError(f"{object_key!r:.200} is not the key of an upload: it does not begin with {BUCKET}/")
    return upload_of(key)


def content_type(name: str) -> str:
    """By the suffix, for whoever lists the bucket; what a file is, its bytes decide."""
    dot = name.rfind(".")
    return _TYPES.get(name[dot:].lower(), OTHERWISE) if dot >= 0 else OTHERWISE


def encoded(text: str) -> str:
    """*text* as one segment of a key. Letters and digits of every script stay; whatever could mean something is ``!XX``.

    A leading dot is escaped too: no segment is ``.`` or ``..``, which clients and proxies take out of paths.
    """
    return "".join(
        character if _stays(character) and not (index == 0 and character == ".") else _escape(character)
        for index, character in enumerate(text)
    )


def decoded(segment: str) -> str:
    """What ``encoded`` was given.

    Raises:
        ValueError: nothing that it writes.
    """
    pieces = _ESCAPED.split(segment)
    if any(_ESCAPE in text for text in pieces[::2]):
        raise ValueError(f"{_ESCAPE} is followed by two hexadecimal digits")
    raw = b"".join(bytes([int(p, 16)]) if index % 2 else p.encode() for index, p in enumerate(pieces))
    return raw.decode()


def _stays(character: str) -> bool:
    return character in _PLAIN or (not character.isascii() and character.isalnum())


def _escape(character: str) -> str:
    return "".join(f"{_ESCAPE}{byte:02X}" for byte in character.encode())


def _check(upload: Upload) -> None:
    if not upload.tenant or len(upload.tenant) > TENANT_MAX or not upload.tenant.isprintable():
        raise UploadRefusedError(f"a tenant is 1 to {TENANT_MAX} printable characters, not {upload.tenant!r:.100}")
    if not upload.name or len(upload.name) > NAME_MAX or not _is_path_key(upload.name):
        raise UploadRefusedError(f"{upload.name!r:.100} cannot be the name of an upload")
    if not _HASH.fullmatch(upload.sha256):
        raise UploadRefusedError(f"{upload.sha256!r:.80} is not a SHA-256 in hexadecimal")


def _is_path_key(name: str) -> bool:
    """Whether whoever shows or exports it finds a file name in it: whole characters, no NUL, ``%`` as in ``catalog.paths``."""
    try:
        return "\0" not in name and path_to_key(key_to_path(name)) == name
    except ValueError:
        return False
