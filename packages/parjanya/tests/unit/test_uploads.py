"""The keys of uploads: what goes in comes out, nothing leads elsewhere, and one upload is one item."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parjanya.catalog.items import BUCKET as FILES
from parjanya.catalog.items import Ingested, item_id, take_in
from parjanya.catalog.paths import path_to_key
from parjanya.catalog.uploads import (
    BUCKET,
    KEY_BYTES,
    MOST_BYTES,
    NotAnUploadError,
    Upload,
    UploadRefusedError,
    check_size,
    content_type,
    decoded,
    encoded,
    upload_at,
    upload_of,
)
from parjanya.workflow import image_workflow
from tbie.backends.aws import objects
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.cause import Cause
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.keys import Address
from tbie.core.outcome import TerminalFailure
from tbie.truth import NewItem, Settle, StageState

SHA = hashlib.sha256(b"one").hexdigest()
OTHER = hashlib.sha256(b"two").hexdigest()

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
NAMES = st.text(CHARACTERS, min_size=1, max_size=60).map(lambda text: path_to_key(Path(text)))
TENANTS = st.text(min_size=1, max_size=30).filter(str.isprintable)


@given(TENANTS, NAMES)
def test_a_key_says_whose_which_and_what_and_can_be_read_back(tenant: str, name: str) -> None:
    upload = Upload(tenant, SHA, name)
    key = upload.address.key
    assert upload_of(key) == upload
    assert upload_at(f"{BUCKET}/{key}") == upload
    assert key.isprintable()
    assert all(segment not in ("", ".", "..") for segment in key.split("/"))


@given(st.text(max_size=80))
def test_any_other_key_is_told_apart_or_is_the_key_of_the_upload_that_it_names(text: str) -> None:
    for key in (text, f"a/{SHA}/{text}", f"{text}/{SHA}/x"):
        try:
            found = upload_of(key)
        except NotAnUploadError:
            continue
        assert found.address.key == key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("/home/ann/img 1.jpg", "!2Fhome!2Fann!2Fimg!201.jpg"),
        ("..", "!2E."),
        (".hidden", "!2Ehidden"),
        ("写真/é.jpg", "写真!2Fé.jpg"),
        ("100%25!.jpg", "100!2525!21.jpg"),
        ("a\nb\u202e", "a!0Ab!E2!80!AE"),
    ],
)
def test_letters_stay_and_whatever_could_mean_something_is_escaped(name: str, key: str) -> None:
    assert encoded(name) == key
    assert decoded(key) == name


@pytest.mark.parametrize("segment", ["!", "!2", "!2f", "a!ZZ", "!FF"])
def test_what_is_never_written_is_not_read(segment: str) -> None:
    with pytest.raises(ValueError):
        decoded(segment)


@pytest.mark.parametrize(
    "upload",
    [
        Upload("", SHA, "x"),
        Upload("t" * 129, SHA, "x"),
        Upload("a\nb", SHA, "x"),
        Upload("t", "abc", "x"),
        Upload("t", SHA.upper(), "x"),
        Upload("t", SHA, ""),
        Upload("t", SHA, "\udc80"),
        Upload("t", SHA, "a\0b"),
        Upload("t", SHA, "100%"),
        Upload("t", SHA, "/" * 400),
    ],
    ids=lambda upload: f"{upload.tenant[:5]!r}-{upload.name[:5]!r}",
)
def test_what_cannot_be_part_of_a_key_is_refused_with_words(upload: Upload) -> None:
    with pytest.raises(UploadRefusedError):
        upload.address  # noqa: B018


def test_a_key_fits_where_it_goes() -> None:
    long = Upload("t", SHA, "a" * (KEY_BYTES - len(f"{BUCKET}/t/{SHA}/")))
    assert len(f"{BUCKET}/{long.address.key}") == KEY_BYTES
    with pytest.raises(UploadRefusedError, match="at most 1024"):
        Upload("t", SHA, long.name + "a").address  # noqa: B018


def test_a_tenant_may_be_called_like_the_bucket() -> None:
    upload = Upload(BUCKET, SHA, BUCKET)
    assert upload_at(f"{BUCKET}/{upload.address.key}") == upload_of(upload.address.key) == upload
    with pytest.raises(NotAnUploadError):
        upload_at(f"objects/{upload.address.key}")


def test_the_store_and_the_catalogue_mean_the_same_bucket() -> None:
    assert (BUCKET, KEY_BYTES) == (objects.UPLOADS, objects.KEY_BYTES)


def test_sizes_are_those_that_a_stage_would_read() -> None:
    check_size(0)
    check_size(MOST_BYTES)
    with pytest.raises(UploadRefusedError, match="at most"):
        check_size(MOST_BYTES + 1)


def test_types_are_guessed_from_the_name_alone() -> None:
    assert content_type("/a/B.JPG") == "image/jpeg"
    assert content_type("nothing") == content_type("x.exe") == "application/octet-stream"


@pytest.fixture
def truth() -> MemoryTruth:
    return MemoryTruth(image_workflow(), ManualClock(), SequentialIds())


def taken(truth: MemoryTruth, *items: NewItem, again: bool = True) -> Ingested:
    done = Ingested()
    take_in(truth, image_workflow(), items, "test", done, again=again)
    return done


def test_an_upload_is_the_item_that_its_file_would_be(truth: MemoryTruth) -> None:
    upload = Upload("t", SHA, "/shoot/a.jpg")
    assert upload.item.item == item_id("/shoot/a.jpg")
    assert taken(truth, upload.new_item(3, 1_000)).added == 1
    (item,) = truth.items()
    assert item.address == upload.address
    assert item.attributes["path"] == "/shoot/a.jpg"
    assert item.address.bucket != FILES


def test_the_newer_upload_of_a_name_counts_in_whatever_order_they_are_told(truth: MemoryTruth) -> None:
    old, new = Upload("t", SHA, "a.jpg"), Upload("t", OTHER, "a.jpg")
    assert taken(truth, old.new_item(3, 1_000)).added == 1
    assert taken(truth, new.new_item(3, 2_000)).changed == 1
    assert taken(truth, old.new_item(3, 1_000)).known == 1, "a late event changes nothing"
    assert taken(truth, new.new_item(3, 3_000)).known == 1, "the same bytes again are the same upload"
    assert truth.items()[0].address == new.address
    assert taken(truth, old.new_item(3, 4_000)).changed == 1, "somebody took the change back"


def test_who_uploads_again_asks_again_and_an_event_that_came_twice_does_not(truth: MemoryTruth) -> None:
    new = Upload("t", SHA, "a.jpg").new_item(3, 1_000)
    taken(truth, new)
    record = truth.items()[0].stages["technical"]
    outcome = TerminalFailure("source_missing", retriable=True)
    args = (new.key, "technical", record.generation, record.token, record.version)
    truth.commit([Settle(*args, outcome, Cause("worker", "test"))])
    assert taken(truth, new, again=False).known == 1
    assert truth.items()[0].stages["technical"].state is StageState.FAILED
    assert taken(truth, new).retried == 1
    assert truth.items()[0].address == Address(BUCKET, new.address.key)
