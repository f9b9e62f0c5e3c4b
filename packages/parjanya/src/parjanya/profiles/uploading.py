"""From files of this machine to uploads: each is hashed, a request for exactly these bytes is signed, and sent over plain HTTP.

Whoever sends has nothing but the signed request, as a browser would. What is there already is not stored again, so an upload that
was cut short goes on where it was. Callers: the ``aws`` profile, for ``ingest``, ``curate`` and ``aws upload``.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import IO, Protocol
from urllib.parse import urlsplit

from parjanya.catalog.items import Found
from parjanya.catalog.paths import path_to_key
from parjanya.catalog.uploads import Upload, UploadRefusedError, check_size, content_type
from tbie.backends.aws.objects import Signed
from tbie.core.clock import Clock
from tbie.core.errors import ObjectError, TbieError
from tbie.core.keys import Address
from tbie.truth import NewItem

THREADS = 8
"""Requests at a time: enough for a line of 100 Mbit/s and images of a few megabytes."""
GROUP = 40
"""Files sent before their items are added: what was uploaded is worked on while the rest is on its way."""
ATTEMPTS = 5
PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
ANSWER_S = 60.0
"""How long S3 may take to answer when everything was sent."""
SIGNED_FOR_S = 900
_CHUNK = 1 << 20
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,60})</Code>")
_TRANSIENT = {408, 409, 425, 429, 500, 502, 503, 504}


class UploadFailedError(TbieError):
    """S3 did not take the file; the message says why. Run the same command again: what was stored is not sent again."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One file that is in the bucket now."""

    item: NewItem
    size: int
    there: bool
    """It was there before."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """One file that is not."""

    path: str
    problem: str


class Signer(Protocol):
    """Whoever may sign uploads: ``S3Objects``, or a service that asks it."""

    def sign_put(self, address: Address, content_type: str, size: int, sha256: str, expires_s: int) -> Signed:
        """A request that stores exactly these bytes at *address*, and only if nothing is there."""
        ...


class Uploader:
    """Sends files of one tenant.

    Args:
        pause: waits so many seconds, or less if everything is to stop.
    """

    def __init__(
        self, signer: Signer, clock: Clock, tenant: str, pause: Callable[[float], object] | None = None
    ) -> None:
        self._signer, self._clock, self._tenant = signer, clock, tenant
        self._pause = pause or threading.Event().wait

    def send_all(self, files: Iterable[Found]) -> Iterator[list[Sent | NotSent]]:
        """Send *files*, a group at a time, in their order."""
        iterator = iter(files)
        with ThreadPoolExecutor(THREADS, thread_name_prefix="upload") as pool:
            while group := list(islice(iterator, GROUP)):
                yield list(pool.map(self.send, group))

    def send(self, found: Found) -> Sent | NotSent:
        """Send one file. Never raises for what is wrong with it, or with the way to S3."""
        shown = os.fsencode(found.path).decode("utf-8", "backslashreplace")
        try:
            return self._send(found)
        except OSError as error:
            return NotSent(shown, (error.strerror or str(error)).lower())
        except ValueError as error:  # a NUL in the name
            return NotSent(shown, str(error))
        except (UploadRefusedError, UploadFailedError, ObjectError) as error:
            return NotSent(shown, str(error))

    def _send(self, found: Found) -> Sent:
        handle = os.open(found.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with os.fdopen(handle, "rb") as file:
            was = os.fstat(handle)
            if not stat.S_ISREG(was.st_mode):
                raise UploadRefusedError("not a regular file")
            check_size(was.st_size)
            upload = Upload(self._tenant, _sha256(file), path_to_key(found.path))
            there, at_ms = self._persist(upload, was.st_size, file)
        return Sent(upload.new_item(was.st_size, at_ms), was.st_size, there)

    def _persist(self, upload: Upload, size: int, file: IO[bytes]) -> tuple[bool, int]:
        """Send it until S3 has it; whether it had it before, and when that was by its clock."""
        kind, said = content_type(upload.name), ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(min(LONGEST_PAUSE_S, PAUSE_S * 2 ** (attempt - 1)))
            # signed anew each time: a line that was down for long must not make it expire
            signed = self._signer.sign_put(upload.address, kind, size, upload.sha256, SIGNED_FOR_S)
            file.seek(0)
            try:
                status, code, date = _put(signed, file)
            except (OSError, http.client.HTTPException) as error:
                said = f"{type(error).__name__}: {error}"
                continue
            at_ms = _epoch_ms(date) or self._clock.now_ms()
            if status in (200, 412):
                return status == 412, at_ms
            said = f"S3 answered {status} {code}"
            if code in ("BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody"):
                raise UploadFailedError(f"the file changed while it was sent ({said})")
            if status not in _TRANSIENT and code != "RequestTimeout":
                raise UploadFailedError(said)
        raise UploadFailedError(f"given up after {ATTEMPTS} attempts: {said}")


def _put(signed: Signed, file: IO[bytes]) -> tuple[int, str, str]:
    """Status, code and date of the answer to *signed*."""
    parts = urlsplit(signed.url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=ANSWER_S)
    try:
        # what is there already is refused before all of it was sent; that the rest is not taken is no failure, the answer counts
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(signed.method, f"{parts.path}?{parts.query}", body=file, headers=signed.headers)
        answer = connection.getresponse()
        code = _CODE.search(answer.read(_CHUNK))
        return answer.status, code[1].decode() if code else "", answer.headers.get("Date") or ""
    finally:
        connection.close()


def _sha256(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := file.read(_CHUNK):
        digest.update(piece)
    return digest.hexdigest()


def _epoch_ms(date: str) -> int | None:
    """The time of an HTTP date; None if it is none."""
    try:
        return int(parsedate_to_datetime(date).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
