"""What the bucket must be: closed to the public, open to the browsers of named pages and to nobody else's. One thing, because
each half alone has cost an evening (incident 7): a page that may not upload, or a bucket that everybody may read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tbie.backends.aws.client import ClientError, Clients, code_of, told
from tbie.core.errors import ObjectUnavailableError, SettingsError

HEADERS = ("content-type", "if-none-match", "x-amz-checksum-sha256")
"""What a signed upload sends, and so what a browser asks for beforehand."""
EXPOSED = ("ETag", "x-amz-checksum-sha256")
PREFLIGHT_S = 3_600
ABANDONED_DAYS = 1
"""Parts of an upload that nobody finished are paid for until somebody deletes them."""
_ORIGIN = re.compile(r"https?://[a-z0-9.\[\]:-]{1,255}")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Origins:
    """The pages whose scripts may upload.

    Raises:
        SettingsError: one that is no origin, or that stands for many.
    """

    named: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for origin in self.named:
            if "*" in origin or origin == "null":
                raise SettingsError(
                    f"origin {origin!r:.80} stands for many pages: name each, as https://photos.example.org"
                )
            if not _ORIGIN.fullmatch(origin):
                raise SettingsError(
                    f"origin {origin!r:.80} is none: scheme, host and port are needed, and nothing after them"
                )
            try:
                parts = urlsplit(origin)
                host, _ = parts.hostname, parts.port
            except ValueError as error:
                raise SettingsError(f"origin {origin!r:.80}: {error}") from error
            if not host or (parts.scheme == "http" and host not in _LOOPBACK):
                raise SettingsError(f"origin {origin!r:.80}: without encryption only on this machine")


def cors(origins: Origins) -> dict[str, Any]:
    """The rule for browsers; without origins no rule at all, which refuses every page."""
    if not origins.named:
        return {"CORSRules": []}
    rule = {
        "AllowedOrigins": list(origins.named),
        "AllowedMethods": ["PUT"],
        "AllowedHeaders": list(HEADERS),
        "ExposeHeaders": list(EXPOSED),
        "MaxAgeSeconds": PREFLIGHT_S,
    }
    return {"CORSRules": [rule]}


PUBLIC_ACCESS_BLOCK = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
OWNERSHIP = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
LIFECYCLE = {
    "Rules": [
        {
            "ID": "abandoned-parts",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABANDONED_DAYS},
        }
    ]
}


def create_bucket(clients: Clients, origins: Sequence[str] = ()) -> None:
    """Make the bucket of this place what it must be; one that is ours already is made so again.

    Raises:
        SettingsError: *origins*. ObjectUnavailableError: AWS refuses, or the name is somebody else's.
    """
    allowed, s3, bucket = cors(Origins(tuple(origins))), clients.s3, clients.place.bucket
    where = {"CreateBucketConfiguration": {"LocationConstraint": clients.place.region}}
    with told(ObjectUnavailableError, f"making the bucket {bucket}"):
        try:
            s3.create_bucket(Bucket=bucket, **({} if clients.place.region == "us-east-1" else where))
        except ClientError as refused:
            if code_of(refused) != "BucketAlreadyOwnedByYou":
                raise
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=PUBLIC_ACCESS_BLOCK)
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=OWNERSHIP)
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=LIFECYCLE)
        if allowed["CORSRules"]:
            s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=allowed)
        else:
            s3.delete_bucket_cors(Bucket=bucket)
