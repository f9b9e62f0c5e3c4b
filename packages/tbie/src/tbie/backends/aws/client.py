"""Connections to AWS, and what its refusals mean. The only module that names boto3.

Callers: every store of this backend. Clients are made once for each process and are safe to share among threads; making one
costs a tenth of a second, using it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from tbie.backends.aws.place import Place
from tbie.core.errors import TbieError

Client = Any
"""A client of boto3: made from descriptions at run time, so there is no type to name."""

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"})
EXPIRED = frozenset(
    {
        "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "InvalidAccessKeyId",
        "UnrecognizedClientException",
    }
)  # fmt: skip
SKEWED = frozenset({"RequestTimeTooSkewed", "InvalidSignatureException", "SignatureDoesNotMatch"})
MISSING = frozenset(
    {"ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NoSuchBucket"}
)
THROTTLED = frozenset(
    {
        "ThrottlingException", "Throttling", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
        "RequestThrottled", "TooManyRequestsException", "SlowDown", "OverLimit",
    }
)  # fmt: skip

_REMEDY = {
    DENIED: "the role lacks that permission: `doctor --profile aws` exercises each one",
    EXPIRED: "the credentials have expired or are unknown: renew them",
    SKEWED: "the signature was refused: wrong secret, or this machine's clock is more than five minutes off",
    MISSING: "it does not exist in this region under this name: deploy it, or look at region and prefix",
    THROTTLED: "AWS throttles: it is tried again by itself; if it lasts, see docs/scale.md",
}


@dataclass(frozen=True, slots=True)
class Connecting:
    """How patiently AWS is asked."""

    connect_timeout_s: float = 3.0
    """A regional endpoint answers in milliseconds or not at all."""
    read_timeout_s: float = 25.0
    """Longer than the longest poll of a queue (20 s)."""
    attempts: int = 4
    """In all, with growing pauses: throttling and lost connections are AWS's everyday."""
    connections: int = 32
    """As many as threads use one client."""


PATIENT = Connecting()


class Clients:
    """The clients of one process for one place, made when first asked for.

    Args:
        credentials: ``aws_access_key_id`` and the like, for a local server; by default they are looked for where AWS says
            (role, environment).
    """

    def __init__(
        self,
        place: Place,
        connecting: Connecting = PATIENT,
        credentials: dict[str, str] | None = None,
    ) -> None:
        self.place = place
        self._connecting, self._credentials = connecting, dict(credentials or {})
        self._made: dict[str, Client] = {}
        self._lock = Lock()
        self._session = boto3.session.Session(region_name=place.region, **self._credentials)

    def at(self, place: Place) -> Clients:
        """The same connections for another place in the same region."""
        other = Clients.__new__(Clients)
        other.__dict__ = {**self.__dict__, "place": place}
        return other

    def asking(self, connecting: Connecting) -> Clients:
        """Connections of their own to the same place, by the same credentials, with another patience."""
        other = self.at(self.place)
        other._connecting, other._made, other._lock = connecting, {}, Lock()
        return other

    def of(self, service: str) -> Client:
        """The client of *service* (``dynamodb``, ``sqs``, …)."""
        with self._lock:
            if service not in self._made:
                self._made[service] = self._session.client(
                    service, endpoint_url=self.place.endpoint, config=self._config(service)
                )
            return self._made[service]

    @property
    def dynamodb(self) -> Client:
        return self.of("dynamodb")

    @property
    def streams(self) -> Client:
        return self.of("dynamodbstreams")

    @property
    def sqs(self) -> Client:
        return self.of("sqs")

    @property
    def s3(self) -> Client:
        return self.of("s3")

    @property
    def autoscaling(self) -> Client:
        return self.of("autoscaling")

    def _config(self, service: str) -> Config:
        ask = self._connecting
        return Config(
            connect_timeout=ask.connect_timeout_s,
            read_timeout=ask.read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": ask.attempts},
            max_pool_connections=ask.connections,
            # rows are made here, not by people: looking at each value again is half the cost of a transaction of 100
            parameter_validation=service != "dynamodb",
            signature_version="s3v4" if service == "s3" else None,
            s3={
                "addressing_style": "path" if self.place.endpoint else "virtual",
                "us_east_1_regional_endpoint": "regional",
            },
        )

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            for client in self._made.values():
                client.close()
            self._made.clear()


@contextmanager
def told(error: type[TbieError], doing: str) -> Iterator[None]:
    """What AWS refuses, or does not answer, inside becomes *error*: what was being done, AWS's own words, what to do next."""
    try:
        yield
    except (ClientError, BotoCoreError) as refused:
        raise error(words(refused, doing)) from refused


def words(refused: ClientError | BotoCoreError, doing: str) -> str:
    """One sentence for an operator."""
    if not isinstance(refused, ClientError):
        return f"{doing}: {refused}"
    code = code_of(refused)
    remedy = next((text for codes, text in _REMEDY.items() if code in codes), None)
    said = f"{doing}: {code}: {refused.response.get('Error', {}).get('Message', refused)}"
    return f"{said} ({remedy})" if remedy else said


def code_of(refused: ClientError) -> str:
    """The service's code, or the HTTP status where a service gives none."""
    answer = refused.response
    code = answer.get("Error", {}).get("Code") or answer.get("ResponseMetadata", {}).get("HTTPStatusCode", "unknown")
    return str(code)


__all__ = [
    "AWSResponse", "BotoCoreError", "Client", "ClientError", "Clients", "Connecting", "ReadTimeoutError",
    "code_of", "told", "words",
]  # fmt: skip
