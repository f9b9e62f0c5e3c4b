"""Objects on S3: immutable bytes under keys of their own hash, and the uploads that people send straight to the bucket.

One bucket holds both. An address names a bucket of ours (``objects``, ``uploads``), which is a prefix there: addresses, and the
facts that hold them, are the same in every profile. Nothing is ever overwritten (If-None-Match), and S3 itself checks the SHA-256
of what it is given. What the bucket must be is in ``bucket``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import IO, Any

from tbie.backends.aws.client import BotoCoreError, ClientError, Clients, code_of, told, words
from tbie.core.errors import MisroutedIntentError, ObjectMissingError, ObjectRefusedError, ObjectUnavailableError
from tbie.core.keys import Address

OBJECTS, UPLOADS = "objects", "uploads"
"""The buckets that addresses name."""
KEY_BYTES = 1_024
"""What S3 takes as a key."""
LONGEST_SIGNED_S = 3_600
"""A signed request is a permission that cannot be taken back; an upload of 512 MiB at 2 Mbit/s takes 36 minutes."""
_KEY = re.compile(r"[0-9a-f]{64}(\.[A-Za-z0-9.]{1,16})?")
_SEEN = 10_000
_ABSENT = {"404", "NoSuchKey", "NotFound"}
_THERE = {"PreconditionFailed", "412"}
_RACED = {"ConditionalRequestConflict", "409"}
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Signed:
    """One request that whoever holds it may send, as it is and only so, until it expires."""

    method: str
    url: str
    headers: dict[str, str]
    """To be sent exactly so: they are part of the signature."""
    expires_s: int


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What S3 says of an object."""

    size: int
    """Bytes."""
    sha256: str | None
    """In hexadecimal; None if it was stored without."""
    content_type: str
    modified_ms: int
    """When it was stored, by S3's clock."""


class S3Objects:
    """An ``ObjectStore`` in one bucket. Safe to use from several threads."""

    def __init__(self, clients: Clients) -> None:
        self._s3, self._bucket = clients.s3, clients.place.bucket
        self._seen: OrderedDict[str, None] = OrderedDict()
        """Keys that are known to be there: nothing is overwritten, and nobody but a person deletes. Each costs one HEAD, once."""
        self._lock = Lock()

    def put(self, data: bytes, suffix: str) -> Address:
        digest = hashlib.sha256(data)
        address = Address(OBJECTS, digest.hexdigest() + suffix)
        key = self.key(address)
        request = {"Bucket": self._bucket, "Key": key, "Body": data, "IfNoneMatch": "*"}
        self._once(lambda: self._s3.put_object(**request, ChecksumSHA256=_base64(digest.digest())), address)
        self._note(key)
        return address

    def _once(self, put: Callable[[], object], address: Address) -> None:
        """Store it unless it is there. Of two who store the same at once, S3 may tell one to try again."""
        doing = f"storing {address.bucket}:{address.key} in {self._bucket}"
        for attempt in range(3):
            try:
                put()
            except ClientError as refused:
                code = code_of(refused)
                if code in _THERE:
                    return
                if code not in _RACED or attempt == 2:
                    raise ObjectUnavailableError(words(refused, doing)) from refused
            except BotoCoreError as refused:
                raise ObjectUnavailableError(words(refused, doing)) from refused
            else:
                return

    def get(self, address: Address) -> bytes:
        data: bytes = self._read(address, lambda answer: answer["Body"].read())
        return data

    def download(self, address: Address, file: IO[bytes], most_bytes: int) -> int:
        """Write the bytes at *address* to *file*, a piece at a time; returns how many.

        Raises:
            ObjectMissingError: nothing is there. ObjectRefusedError: there are more than *most_bytes*; nothing was read.
        """

        def copy(answer: Any) -> int:
            if answer["ContentLength"] > most_bytes:
                answer["Body"].close()
                raise ObjectRefusedError(f"{answer['ContentLength']} bytes, at most {most_bytes} are read")
            done = 0
            for piece in answer["Body"].iter_chunks(_CHUNK):
                done += len(piece)
                file.write(piece)
            return done

        copied: int = self._read(address, copy)
        return copied

    def _read(self, address: Address, use: Callable[[Any], Any]) -> Any:
        key = self.key(address)
        doing = f"reading {address.bucket}:{address.key} from {self._bucket}"
        try:
            return use(self._s3.get_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED"))
        except ClientError as refused:
            if code_of(refused) in _ABSENT:
                raise ObjectMissingError(f"nothing is at {address.bucket}:{address.key}") from refused
            raise ObjectUnavailableError(words(refused, doing)) from refused
        except BotoCoreError as refused:  # a connection that ended in the middle, or a body that is not what was stored
            raise ObjectUnavailableError(words(refused, doing)) from refused

    def has(self, address: Address) -> bool:
        key = self.key(address)
        with self._lock:
            if key in self._seen:
                return True
        try:
            self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as refused:
            return code_of(refused) not in _ABSENT  # it may be there: whoever opens it will learn more
        except BotoCoreError:
            return True
        self._note(key)
        return True

    def find(self, address: Address) -> Uploaded | None:
        """What S3 says of the object at *address*; None if nothing is there.

        Raises:
            ObjectUnavailableError: S3 does not say.
        """
        try:
            found = self._s3.head_object(Bucket=self._bucket, Key=self.key(address), ChecksumMode="ENABLED")
        except ClientError as refused:
            if code_of(refused) in _ABSENT:
                return None
            raise ObjectUnavailableError(words(refused, f"looking for {address.bucket}:{address.key}")) from refused
        except BotoCoreError as refused:
            raise ObjectUnavailableError(words(refused, f"looking for {address.bucket}:{address.key}")) from refused
        modified_ms = int(found["LastModified"].timestamp() * 1000)
        checksum, kind = found.get("ChecksumSHA256"), str(found.get("ContentType", ""))
        return Uploaded(int(found["ContentLength"]), _hexadecimal(checksum), kind, modified_ms)

    def sign_put(self, address: Address, content_type: str, size: int, sha256: str, expires_s: int) -> Signed:
        """A request that stores exactly these bytes at *address*, and only if nothing is there.

        Args:
            size: bytes. sha256: their hash, in hexadecimal. expires_s: until then the request must have begun.

        Raises:
            ObjectRefusedError: no such request can be signed. ObjectUnavailableError: there are no credentials to sign with.
        """
        if not 1 <= expires_s <= LONGEST_SIGNED_S:
            raise ObjectRefusedError(f"a request may hold for 1 to {LONGEST_SIGNED_S} s, not {expires_s}")
        if (
            not re.fullmatch(r"[0-9a-f]{64}", sha256)
            or size < 0
            or not re.fullmatch(r"[\w.+-]+/[\w.+-]+", content_type)
        ):
            raise ObjectRefusedError("a hash of 64 hexadecimal digits, a size and a media type are needed")
        checksum = _base64(bytes.fromhex(sha256))
        request = {
            "Bucket": self._bucket,
            "Key": self.key(address),
            "ContentType": content_type,
            "ContentLength": size,
            "ChecksumSHA256": checksum,
            "IfNoneMatch": "*",
        }
        with told(ObjectUnavailableError, "signing an upload"):
            url = self._s3.generate_presigned_url("put_object", Params=request, ExpiresIn=expires_s, HttpMethod="PUT")
        headers = {
            "Content-Type": content_type,
            "Content-Length": str(size),
            "x-amz-checksum-sha256": checksum,
            "If-None-Match": "*",
        }
        return Signed("PUT", url, headers, expires_s)

    def key(self, address: Address) -> str:
        """Where *address* is in the bucket.

        Raises:
            MisroutedIntentError: the bucket is not one of ours, or the key does not stay inside it.
        """
        bucket, key = address
        if bucket not in (OBJECTS, UPLOADS):
            raise MisroutedIntentError(f"there is no bucket {bucket!r}; known: {OBJECTS}, {UPLOADS}")
        if bucket == OBJECTS:
            if not _KEY.fullmatch(key):
                raise MisroutedIntentError(f"{key!r:.100} is not a key of bucket {OBJECTS!r}: a hash and a suffix are")
            return f"{OBJECTS}/{key[:2]}/{key}"
        segments = key.split("/")
        if any(segment in ("", ".", "..") for segment in segments) or not key.isprintable():
            raise MisroutedIntentError(f"{key!r:.100} is not a key of bucket {UPLOADS!r}: it does not stay inside")
        full = f"{UPLOADS}/{key}"
        if len(full.encode("utf-8", "surrogatepass")) > KEY_BYTES or not _encodes(full):
            raise MisroutedIntentError(f"{key!r:.100} is not a key of bucket {UPLOADS!r}: more than {KEY_BYTES} bytes")
        return full

    def _note(self, key: str) -> None:
        with self._lock:
            self._seen[key] = None
            if len(self._seen) > _SEEN:
                self._seen.popitem(last=False)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _hexadecimal(checksum: object) -> str | None:
    """A checksum of a whole object in hexadecimal; one of parts (it ends in -N) says nothing about the whole."""
    if not isinstance(checksum, str):
        return None
    try:
        return base64.b64decode(checksum, validate=True).hex()
    except binascii.Error:
        return None
