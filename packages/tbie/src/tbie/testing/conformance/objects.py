"""What every ``ObjectStore`` must do: immutable bytes under their own hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tbie.core.errors import MisroutedIntentError, ObjectMissingError
from tbie.core.keys import Address
from tbie.objects import ObjectStore


class ObjectsConformance:
    """Subclass it and override ``make_objects``."""

    def make_objects(self, folder: Path) -> ObjectStore:
        """Open an empty store in *folder*."""
        raise NotImplementedError("say how this backend's object store is opened")

    @pytest.fixture
    def objects(self, tmp_path: Path) -> ObjectStore:
        """An empty store."""
        return self.make_objects(tmp_path / "objects")

    @pytest.mark.parametrize("data", [b"", b"\x00\xff", b"x" * 3_000_000], ids=["empty", "binary", "large"])
    def test_what_was_put_comes_back(self, objects: ObjectStore, data: bytes) -> None:
        address = objects.put(data, ".bin")
        assert objects.get(address) == data
        assert objects.has(address)

    def test_an_address_is_the_hash_of_the_bytes_and_the_suffix(self, objects: ObjectStore) -> None:
        address = objects.put(b"abc", ".jpg")
        assert address.key == hashlib.sha256(b"abc").hexdigest() + ".jpg"

    def test_putting_the_same_bytes_again_gives_the_same_address(self, objects: ObjectStore) -> None:
        assert objects.put(b"same", ".jpg") == objects.put(b"same", ".jpg")
        assert objects.put(b"same", ".jpg") != objects.put(b"same", ".png")
        assert objects.put(b"same", ".jpg") != objects.put(b"other", ".jpg")

    def test_later_changes_to_a_buffer_do_not_reach_the_store(self, objects: ObjectStore) -> None:
        buffer = bytearray(b"before")
        address = objects.put(bytes(buffer), ".bin")
        buffer[:] = b"after!"
        assert objects.get(address) == b"before"

    def test_a_missing_object_is_an_error_that_names_its_address(self, objects: ObjectStore) -> None:
        bucket = objects.put(b"there", "").bucket
        absent = Address(bucket, hashlib.sha256(b"absent").hexdigest())
        assert not objects.has(absent)
        with pytest.raises(ObjectMissingError, match=absent.key):
            objects.get(absent)

    def test_a_bucket_that_it_cannot_resolve_is_misrouted_not_absent(self, objects: ObjectStore) -> None:
        there = objects.put(b"there", "")
        with pytest.raises(MisroutedIntentError, match="no-such-bucket"):
            objects.has(Address("no-such-bucket", there.key))

    @pytest.mark.parametrize("bad", ["../escape", "/etc/hostname", "a/../../b", ".hidden"])
    def test_no_key_leads_out_of_the_store(self, objects: ObjectStore, bad: str) -> None:
        bucket = objects.put(b"there", "").bucket
        with pytest.raises((ObjectMissingError, MisroutedIntentError)):
            objects.get(Address(bucket, bad))
