"""What an instance is told about itself: the metadata service, version 2 (a session token first, then plain reads).

Local HTTP on a fixed address, but input from outside all the same: bounded in size and time, no proxy, no redirect, each value
checked. What is not there (404) is None; what could not be read is ``Unknown``, which is never "no notice".
"""

from __future__ import annotations

import http.client
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from tbie.core.clock import Clock
from tbie.core.errors import TbieError
from tbie.core.reading import Known, Reading, Unknown

ADDRESS = ("169.254.169.254", 80)
SOURCE = "instance metadata"
_BYTES = 16_384
_TOKEN_S = 21_600  # the longest that is allowed
_RENEW_S = 18_000.0
_OK, _UNAUTHORIZED, _ABSENT = 200, 401, 404


class MetadataError(TbieError):
    """The instance metadata cannot be read. The message says what was asked, what came, and what to look at."""


class Notice(NamedTuple):
    """Something that will happen to this instance."""

    kind: str
    """``interruption`` (two minutes), ``rebalance`` (a higher risk), ``event`` (scheduled by AWS)."""
    action: str
    """``terminate``, ``stop``, ``hibernate``, or the code of the event."""
    at_ms: int | None
    """When, by AWS's clock, epoch milliseconds."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which machine this is."""

    instance: str
    region: str
    zone: str
    type: str
    image: str
    """The machine image that it was started from: a manifest is published together with one."""


class Metadata(Protocol):
    """What a worker asks of its instance."""

    def identity(self) -> Identity:
        """Which machine this is. Raises ``MetadataError``."""
        ...

    def lifecycle(self) -> Reading[str | None]:
        """The state that the group wants this instance in; None if it belongs to no group (yet)."""
        ...

    def notices(self) -> Reading[tuple[Notice, ...]]:
        """Everything that is announced."""
        ...


class InstanceMetadata:
    """The service of this machine. Not thread-safe.

    Args:
        address: host and port, for tests.
        timeout_s: for each of connecting, sending and reading; the service answers within milliseconds or not at all.
        attempts: for each read; it is sometimes busy.
    """

    def __init__(
        self, clock: Clock, address: tuple[str, int] = ADDRESS, timeout_s: float = 1.0, attempts: int = 2
    ) -> None:
        self._clock, self._address, self._timeout_s, self._attempts = clock, address, timeout_s, attempts
        self._token: str | None = None
        self._renew_at_s = 0.0
        self.requests: Counter[str] = Counter()
        """How often was asked for what."""

    def identity(self) -> Identity:
        """Raises:
        MetadataError: this is no instance of EC2, or its service does not answer, or with garbage.
        """
        return Identity(
            self._needed("instance-id", r"i-[0-9a-f]{1,17}"),
            self._needed("placement/region", r"[a-z0-9-]{1,40}"),
            self._needed("placement/availability-zone", r"[a-z0-9-]{1,40}"),
            self._needed("instance-type", r"[a-z0-9.-]{1,40}"),
            self._needed("ami-id", r"ami-[0-9a-f]{1,17}"),
        )

    def lifecycle(self) -> Reading[str | None]:
        try:
            text = self._read("autoscaling/target-lifecycle-state")
        except MetadataError as error:
            return Unknown(str(error), SOURCE, self._clock.now_ms())
        if text is not None and not re.fullmatch(r"[A-Za-z:]{1,40}", text):
            words = f"autoscaling/target-lifecycle-state: {text[:40]!r} is no state"
            return Unknown(words, SOURCE, self._clock.now_ms())
        return Known(text, SOURCE, self._clock.now_ms())

    def notices(self) -> Reading[tuple[Notice, ...]]:
        try:
            told = (*self._interruption(), *self._rebalance(), *self._events())
        except MetadataError as error:
            return Unknown(str(error), SOURCE, self._clock.now_ms())
        return Known(told, SOURCE, self._clock.now_ms())

    # -- values

    def _interruption(self) -> tuple[Notice, ...]:
        text = self._read("spot/instance-action")
        if text is None:
            return ()
        body = _object(text, "spot/instance-action")
        return (Notice("interruption", str(body.get("action", "terminate"))[:40], _moment(body.get("time"))),)

    def _rebalance(self) -> tuple[Notice, ...]:
        text = self._read("events/recommendations/rebalance")
        if text is None:
            return ()
        body = _object(text, "events/recommendations/rebalance")
        return (Notice("rebalance", "rebalance", _moment(body.get("noticeTime"))),)

    def _events(self) -> tuple[Notice, ...]:
        text = self._read("events/maintenance/scheduled")
        if text is None:
            return ()
        body = _json(text, "events/maintenance/scheduled")
        if not isinstance(body, list):
            raise MetadataError("events/maintenance/scheduled: no list")
        active = [e for e in body[:20] if isinstance(e, Mapping) and e.get("State") == "active"]
        return tuple(Notice("event", str(e.get("Code"))[:40], _moment(e.get("NotBefore"))) for e in active)

    def _needed(self, name: str, pattern: str) -> str:
        text = self._read(name)
        if text is None or not re.fullmatch(pattern, text):
            raise MetadataError(
                f"{name}: {(text or 'absent')[:40]!r}: this is no instance of EC2, or something answers in its place"
            )
        return text

    # -- reading

    def _read(self, name: str) -> str | None:
        for last in (*[False] * (self._attempts - 1), True):
            try:
                status, body = self._ask(
                    "GET", f"/latest/meta-data/{name}", {"X-aws-ec2-metadata-token": self._session()}
                )
            except MetadataError:
                if last:
                    raise
                continue
            if status == _OK:
                return body
            if status == _ABSENT:
                return None
            if status == _UNAUTHORIZED:
                self._token = None  # the instance was stopped and started, or hibernated, since
        raise MetadataError(f"{name}: the metadata service answered {status}")

    def _session(self) -> str:
        if self._token is None or self._clock.monotonic_s() >= self._renew_at_s:
            header = {"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_S)}
            status, body = self._ask("PUT", "/latest/api/token", header)
            if status != _OK or not re.fullmatch(r"[!-~]{1,400}", body):
                raise MetadataError(
                    f"session token: the metadata service answered {status}: is it switched off, or is this no EC2?"
                )
            self._token, self._renew_at_s = body, self._clock.monotonic_s() + _RENEW_S
        return self._token

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
        self.requests[path] += 1
        connection = http.client.HTTPConnection(
            *self._address, timeout=self._timeout_s
        )  # knows no proxy, follows nothing
        try:
            connection.request(method, path, headers=dict(headers))
            answer = connection.getresponse()
            raw, until_s = b"", self._clock.monotonic_s() + 3 * self._timeout_s
            while len(raw) <= _BYTES and self._clock.monotonic_s() <= until_s and (some := answer.read1(_BYTES)):
                raw += some
        except TimeoutError as error:
            hint = "; in a container the hop limit of the instance's metadata must be 2" if method == "PUT" else ""
            raise MetadataError(f"{method} {path}: no answer within {self._timeout_s:g} s{hint}") from error
        except (OSError, http.client.HTTPException) as error:
            raise MetadataError(f"{method} {path}: {type(error).__name__} {error}"[:300]) from error
        finally:
            connection.close()
        if len(raw) > _BYTES or self._clock.monotonic_s() > until_s:  # byte by byte, each of them is in time
            raise MetadataError(f"{method} {path}: an answer of more than {_BYTES} bytes, or one that does not end")
        return answer.status, raw.decode("utf-8", "replace").strip()


def _json(text: str, name: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MetadataError(f"{name}: not JSON: {text[:60]!r}") from error


def _object(text: str, name: str) -> Mapping[str, object]:
    body = _json(text, name)
    if not isinstance(body, Mapping):
        raise MetadataError(f"{name}: no object")
    return body


def _moment(value: object) -> int | None:
    """Epoch milliseconds of either of the two forms that AWS uses here; None if it is neither."""
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%d %b %Y %H:%M:%S GMT"):
        try:
            return int(datetime.strptime(str(value)[:40], form).replace(tzinfo=UTC).timestamp() * 1000)
        except ValueError:
            continue
    return None
