"""The bucket: closed to the public, open to named pages, by one construct that knows no wildcard."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from tbie.backends.aws.bucket import HEADERS, Origins, cors, create_bucket
from tbie.backends.aws.client import Clients
from tbie.backends.aws.place import Place
from tbie.core.errors import ObjectUnavailableError, SettingsError
from tbie.testing.aws.account import becomes
from tbie.testing.aws.session import Site

PAGE = "https://photos.example.org"


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*.example.org",
        "null",
        "photos.example.org",
        "https://photos.example.org/",
        "http://photos.example.org",
        "https://user@photos.example.org",
        "https://",
        "https://photos.example.org:port",
        "ftp://photos.example.org",
        "https://photos.example.org\n",
    ],
)
def test_an_origin_that_is_none_or_many_is_refused(origin: str) -> None:
    with pytest.raises(SettingsError, match="origin"):
        Origins((origin,))


def test_without_pages_there_is_no_rule_and_with_them_one_for_uploads_alone() -> None:
    assert cors(Origins()) == {"CORSRules": []}
    (rule,) = cors(Origins((PAGE, "http://localhost:8787")))["CORSRules"]
    assert rule["AllowedMethods"] == ["PUT"]
    assert "*" not in str(rule)


def preflight(clients: Clients, origin: str, method: str = "PUT", headers: str = ", ".join(HEADERS)) -> int:
    """The status of what a browser asks before it sends."""
    url = f"{clients.s3.meta.endpoint_url}/{clients.place.bucket}/uploads/studio/x"
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="OPTIONS", headers=asked), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_a_browser_may_upload_from_a_named_page_and_from_no_other(aws_site: Site, clients: Clients) -> None:
    def answers(wanted: int) -> bool:
        return becomes(lambda: preflight(clients, PAGE), wanted, aws_site.patience.counts_s)

    assert preflight(clients, PAGE) == 403
    create_bucket(clients, [PAGE])
    assert answers(200)
    assert preflight(clients, "https://evil.example.org") == 403
    assert preflight(clients, PAGE, method="DELETE") == 403
    assert preflight(clients, PAGE, headers="x-amz-acl") == 403
    create_bucket(clients)
    assert answers(403)


def test_the_bucket_is_closed_to_the_public_and_made_so_again(clients: Clients) -> None:
    clients.s3.delete_public_access_block(Bucket=clients.place.bucket)
    create_bucket(clients)
    found = clients.s3.get_public_access_block(Bucket=clients.place.bucket)["PublicAccessBlockConfiguration"]
    assert set(found.values()) == {True}
    assert len(found) == 4


def test_a_bucket_that_cannot_be_made_is_an_error_with_words(clients: Clients) -> None:
    place = Place("eu-central-1", "other", "other-objects", clients.place.endpoint)
    wrong = Clients(place, credentials={"aws_access_key_id": "AKIANOBODY", "aws_secret_access_key": "x"})
    with pytest.raises(ObjectUnavailableError, match="making the bucket other-objects"):
        create_bucket(wrong)
