"""Objects on S3: the contract of every object store over real HTTP, and what only S3 has."""

from __future__ import annotations

import hashlib
import io
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tbie.backends.aws.client import Clients
from tbie.backends.aws.objects import LONGEST_SIGNED_S, UPLOADS, S3Objects, Signed
from tbie.backends.aws.place import Place
from tbie.core.errors import MisroutedIntentError, ObjectMissingError, ObjectRefusedError, ObjectUnavailableError
from tbie.core.keys import Address
from tbie.objects import ObjectStore
from tbie.testing.aws.server import LocalServer
from tbie.testing.conformance.objects import ObjectsConformance

THERE = Address(UPLOADS, "studio/one/beach.jpg")
BYTES = b"what the camera saw"
SHA256 = hashlib.sha256(BYTES).hexdigest()


class TestS3Objects(ObjectsConformance):
    @pytest.fixture
    def objects(self, clients: Clients, tmp_path: Path) -> ObjectStore:
        return S3Objects(clients)


@pytest.fixture
def store(clients: Clients) -> S3Objects:
    return S3Objects(clients)


def send(signed: Signed, data: bytes = BYTES, **changed: str | None) -> tuple[int, str]:
    """Status and words of the answer to *signed*, sent by somebody who has nothing but it."""
    headers = {name: value for name, value in {**signed.headers, **changed}.items() if value is not None}
    request = urllib.request.Request(signed.url, data=data, method=signed.method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def signed(store: S3Objects, expires_s: int = 60) -> Signed:
    return store.sign_put(THERE, "image/jpeg", len(BYTES), SHA256, expires_s)


def test_a_signed_request_uploads_and_s3_says_what_came(store: S3Objects) -> None:
    assert store.find(THERE) is None
    assert send(signed(store)) == (200, "")

    found = store.find(THERE)
    assert found is not None
    assert (found.size, found.sha256, found.content_type) == (len(BYTES), SHA256, "image/jpeg")
    assert store.get(THERE) == BYTES


def test_what_is_there_is_never_overwritten(store: S3Objects) -> None:
    send(signed(store))
    other = store.sign_put(THERE, "image/jpeg", 5, hashlib.sha256(b"other").hexdigest(), 60)

    assert send(other, b"other")[0] == 412
    assert store.get(THERE) == BYTES


@pytest.mark.parametrize(
    ("data", "changed", "status"),
    [
        (b"what the camera s*w", {}, 400),  # other bytes than were signed
        (BYTES + b"!", {"Content-Length": str(len(BYTES) + 1)}, 403),
        (BYTES, {"Content-Type": "text/html"}, 403),
        (BYTES, {"If-None-Match": None}, 403),
        (BYTES, {"x-amz-checksum-sha256": None}, 403),
    ],
    ids=["bytes", "length", "type", "overwriting", "unchecked"],
)
def test_a_signed_request_is_good_for_what_was_signed_and_nothing_else(
    store: S3Objects, data: bytes, changed: dict[str, Any], status: int
) -> None:
    assert send(signed(store), data, **changed)[0] == status
    assert store.find(THERE) is None


def test_another_key_or_another_expiry_breaks_the_signature(store: S3Objects) -> None:
    good = signed(store)
    for url in (good.url.replace("beach", "beech"), good.url.replace("X-Amz-Expires=60", "X-Amz-Expires=3600")):
        assert url != good.url
        assert send(Signed("PUT", url, good.headers, 60))[0] == 403


@pytest.mark.parametrize("seconds", [0, -1, LONGEST_SIGNED_S + 1])
def test_a_permission_that_never_ends_is_not_given(store: S3Objects, seconds: int) -> None:
    with pytest.raises(ObjectRefusedError, match="may hold for"):
        signed(store, seconds)


@pytest.mark.parametrize(
    ("kind", "size", "sha256"),
    [("image/jpeg\r\nX-Evil: 1", 1, SHA256), ("image/jpeg", -1, SHA256), ("image/jpeg", 1, "abc"), ("jpeg", 1, SHA256)],
)
def test_what_cannot_be_part_of_a_request_is_refused(store: S3Objects, kind: str, size: int, sha256: str) -> None:
    with pytest.raises(ObjectRefusedError):
        store.sign_put(THERE, kind, size, sha256, 60)


def test_on_aws_a_request_goes_to_the_region_and_never_to_the_global_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    place = Place("eu-central-1", "studio", "studio-images")
    store = S3Objects(Clients(place, credentials={"aws_access_key_id": "a", "aws_secret_access_key": "b"}))
    url = signed(store).url
    assert url.startswith("https://studio-images.s3.eu-central-1.amazonaws.com/uploads/studio/one/beach.jpg?")
    assert "SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bif-none-match%3Bx-amz-checksum-sha256" in url


@pytest.mark.parametrize(
    "key", ["", "/x", "a//b", "../objects/x", "a/./b", "a/..", "a\nb", "a\ud800b", "é" * 600, "a/\x00"]
)
def test_no_key_of_an_upload_leads_out_of_its_bucket(store: S3Objects, key: str) -> None:
    with pytest.raises(MisroutedIntentError):
        store.key(Address(UPLOADS, key))


def test_a_download_is_bounded_and_says_what_is_missing(store: S3Objects) -> None:
    send(signed(store))
    file = io.BytesIO()
    assert store.download(THERE, file, len(BYTES)) == len(BYTES)
    assert file.getvalue() == BYTES
    with pytest.raises(ObjectRefusedError, match="at most 3 are read"):
        store.download(THERE, io.BytesIO(), 3)
    with pytest.raises(ObjectMissingError):
        store.download(Address(UPLOADS, "studio/none"), io.BytesIO(), 3)


def test_a_key_that_nobody_has_is_an_error_with_its_remedy_and_not_an_absence(
    aws_server: LocalServer, clients: Clients
) -> None:
    wrong = {"aws_access_key_id": "AKIANOBODY", "aws_secret_access_key": "x"}
    store = S3Objects(aws_server.clients(clients.place.prefix, wrong))
    absent = Address("objects", "0" * 64)
    assert store.has(absent), "who may not look has not seen that nothing is there"
    with pytest.raises(ObjectUnavailableError, match="renew them"):
        store.get(absent)
    with pytest.raises(ObjectUnavailableError):
        store.put(b"abc", ".jpg")
    with pytest.raises(ObjectUnavailableError):
        store.find(absent)


def test_a_server_that_is_away_is_an_error_and_not_an_absence(clients: Clients) -> None:
    place = Place("eu-central-1", "away", "away-objects", "http://127.0.0.1:9")
    store = S3Objects(Clients(place, credentials={"aws_access_key_id": "a", "aws_secret_access_key": "b"}))
    assert store.has(Address("objects", "0" * 64))
    with pytest.raises(ObjectUnavailableError):
        store.get(Address("objects", "0" * 64))


def test_what_was_seen_is_not_asked_for_again(store: S3Objects, clients: Clients) -> None:
    asked: list[str] = []

    def note(request: Any, **_: object) -> None:
        asked.append(request.method)

    clients.s3.meta.events.register("before-send.s3", note)
    try:
        address = store.put(b"seen", ".jpg")
        assert store.has(address)
        assert store.has(address)
    finally:
        clients.s3.meta.events.unregister("before-send.s3", note)  # connections outlive a test
    assert asked == ["PUT"]
