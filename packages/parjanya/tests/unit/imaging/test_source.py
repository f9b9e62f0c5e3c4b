"""Reading a user's file: what is refused, with which code, and that the file is never touched."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parjanya.catalog.paths import key_to_path, path_to_key
from parjanya.imaging.limits import Limits
from parjanya.imaging.refusal import CODES, ImageRefused
from parjanya.imaging.source import read_source

LIMITS = Limits()


def refusal(path: Path, **expected: int) -> ImageRefused:
    with pytest.raises(ImageRefused) as caught:
        read_source(path, LIMITS, **expected)
    return caught.value


def test_a_file_is_read_whole_with_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"pixels" * 1000)
    source = read_source(path, LIMITS, size=6000, mtime_ns=path.stat().st_mtime_ns)
    assert source.data == b"pixels" * 1000
    assert source.sha256 == hashlib.sha256(source.data).hexdigest()


def test_reading_leaves_content_and_modification_time_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"pixels")
    path.chmod(0o444)
    before = path.stat()
    read_source(path, LIMITS)
    after = path.stat()
    assert (before.st_size, before.st_mtime_ns, before.st_mode) == (after.st_size, after.st_mtime_ns, after.st_mode)


def test_a_vanished_file_is_missing_and_worth_another_try(tmp_path: Path) -> None:
    refused = refusal(tmp_path / "gone.jpg")
    assert (refused.code, refused.retriable) == ("source_missing", True)


def test_a_path_through_a_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert refusal(tmp_path / "file" / "a.jpg").code == "source_missing"


def test_a_name_that_no_file_can_have_is_missing() -> None:
    assert refusal(Path("a\0b.jpg")).code == "source_missing"


@pytest.mark.parametrize("field", ["size", "mtime_ns"])
def test_a_file_that_changed_since_it_was_taken_in_is_refused(tmp_path: Path, field: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"pixels")
    refused = refusal(path, **{field: 5})
    assert (refused.code, refused.retriable) == ("source_changed", True)


def test_a_file_that_is_written_to_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"pixels" * 100)
    read = os.read

    def read_while_somebody_appends(handle: int, count: int) -> bytes:
        with path.open("ab") as other:
            other.write(b"more")
        return read(handle, count)

    monkeypatch.setattr(os, "read", read_while_somebody_appends)
    assert refusal(path).code == "source_changed"


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"pixels" * 100)
    read = os.read

    def read_what_is_left(handle: int, count: int) -> bytes:
        os.truncate(path, 10)
        return read(handle, count)

    monkeypatch.setattr(os, "read", read_what_is_left)
    assert refusal(path).code == "source_changed"


def test_a_disk_error_is_told_from_a_missing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"pixels")

    def broken(handle: int, count: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "read", broken)
    refused = refusal(path)
    assert (refused.code, refused.retriable, refused.evidence["errno"]) == ("source_unreadable", True, "EIO")


def test_an_empty_file_is_refused_for_good(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    refused = refusal(tmp_path / "a.jpg")
    assert (refused.code, refused.retriable) == ("empty_file", False)


def test_a_file_above_the_size_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        file.truncate(LIMITS.max_file_bytes + 1)  # sparse: takes no room
    assert refusal(path).code == "too_large"


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    refused = refusal(tmp_path / "pipe.jpg")
    assert (refused.code, refused.evidence["found"]) == ("not_a_regular_file", "pipe")


def test_a_pipe_that_takes_the_place_of_a_file_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, plain = tmp_path / "pipe.jpg", tmp_path / "plain.jpg"
    os.mkfifo(pipe)
    plain.write_bytes(b"x")
    looked = plain.stat()
    monkeypatch.setattr(os, "stat", lambda path: looked)
    assert refusal(pipe).code == "not_a_regular_file"


def test_folders_sockets_and_devices_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s.jpg")
        assert refusal(Path("s.jpg")).evidence["found"] == "socket"
    assert refusal(tmp_path).evidence["found"] == "folder"
    assert refusal(Path("/dev/null")).evidence["found"] == "device"


def test_a_link_to_a_file_is_followed_and_a_loop_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real.jpg").write_bytes(b"pixels")
    (tmp_path / "link.jpg").symlink_to("real.jpg")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    assert read_source(tmp_path / "link.jpg", LIMITS).data == b"pixels"
    refused = refusal(tmp_path / "loop.jpg")
    assert (refused.code, refused.retriable) == ("symlink_loop", False)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"pixels")
    (tmp_path / "a.jpg").chmod(0)
    refused = refusal(tmp_path / "a.jpg")
    assert (refused.code, refused.retriable) == ("permission_denied", True)


def test_a_refused_permission_is_retriable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(b"pixels")

    def denied(path: object, flags: int) -> int:
        assert flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC) == 0
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    refused = refusal(tmp_path / "a.jpg")
    assert (refused.code, refused.retriable) == ("permission_denied", True)


def test_a_code_that_is_not_in_the_contract_cannot_be_used() -> None:
    with pytest.raises(KeyError):
        ImageRefused("no_such_code", "")
    assert all(code.isidentifier() and code.islower() for code in CODES)


@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name))
def test_every_name_of_bytes_becomes_text_and_back(name: bytes) -> None:
    key = path_to_key(b"/" + name)
    assert key.encode("utf-8").decode("utf-8") == key
    # pathlib drops empty and "." parts; what is kept must be these very bytes
    assert os.fsencode(key_to_path(key)) == os.fsencode(Path(os.fsdecode(b"/" + name)))


def test_names_that_differ_only_in_bytes_that_are_not_text_stay_apart() -> None:
    assert path_to_key(b"/a\xff.jpg") == "/a%FF.jpg"
    assert path_to_key(b"/a\xfe.jpg") == "/a%FE.jpg"
    assert path_to_key("/100%.jpg") == "/100%25.jpg"
    assert path_to_key("/भारत.jpg") == "/भारत.jpg"


@pytest.mark.parametrize("key", ["/a%.jpg", "/a%2", "/a%zz"])
def test_a_key_with_a_stray_percent_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="not a path key"):
        key_to_path(key)
