"""Files on their way to a store that answers as stores do on bad days; nothing here needs the store itself."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from parjanya.catalog.items import Found
from parjanya.catalog.uploads import BUCKET
from parjanya.profiles.uploading import ATTEMPTS, GROUP, NotSent, Sent, Uploader
from tbie.backends.aws.objects import Signed
from tbie.core.clock import ManualClock
from tbie.core.errors import ObjectUnavailableError
from tbie.core.keys import Address

DATE = "Thu, 26 Nov 2026 05:00:00 GMT"
DATE_MS = 1_795_669_200_000


class Store:
    """Answers each request as the test wants, and keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str] | str] = []
        """Status and code, ``drop`` to hang up, ``early`` to refuse with 412 before anything was read; when used up, 200."""
        self.received: dict[str, list[bytes]] = {}
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                answer = store.answers.pop(0) if store.answers else (200, "")
                if answer == "early":
                    self.send_response_only(412)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                data = self.rfile.read(int(self.headers["Content-Length"]))
                store.received.setdefault(self.path, []).append(data)
                if isinstance(answer, str):
                    self.connection.close()
                    return
                status, code = answer
                body = f"<Error><Code>{code}</Code></Error>".encode() if code else b""
                self.send_response_only(status)
                self.send_header("Date", DATE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.signed: list[tuple[Address, str, int, str]] = []
        self.away: str | None = None

    def sign_put(self, address: Address, content_type: str, size: int, sha256: str, expires_s: int) -> Signed:
        if self.away:
            raise ObjectUnavailableError(self.away)
        self.signed.append((address, content_type, size, sha256))
        port = self._server.server_address[1]
        return Signed("PUT", f"http://127.0.0.1:{port}/{sha256}?signed", {"Content-Length": str(size)}, expires_s)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store()
    yield opened
    opened.close()


def uploader(store: Store, pauses: list[float] | None = None) -> Uploader:
    return Uploader(store, ManualClock(), "t", (pauses if pauses is not None else []).append)


def a_file(folder: Path, data: bytes = b"what the camera saw", name: str = "a.jpg") -> Found:
    path = folder / name
    path.write_bytes(data)
    return Found(path, len(data), 0)


def test_a_file_becomes_an_upload_named_by_its_path_and_its_bytes(store: Store, tmp_path: Path) -> None:
    found = a_file(tmp_path)
    sent = uploader(store).send(found)
    assert isinstance(sent, Sent)
    assert not sent.there
    digest = hashlib.sha256(b"what the camera saw").hexdigest()
    assert store.signed == [(sent.item.address, "image/jpeg", 19, digest)]
    assert sent.item.address.bucket == BUCKET
    assert sent.item.attributes == {"path": str(found.path), "size": 19, "sha256": digest, "uploaded_ms": DATE_MS}
    assert store.received == {f"/{digest}?signed": [b"what the camera saw"]}


def test_what_is_there_already_is_as_good_as_sent(store: Store, tmp_path: Path) -> None:
    store.answers = [(412, "PreconditionFailed")]
    sent = uploader(store).send(a_file(tmp_path))
    assert isinstance(sent, Sent)
    assert sent.there


def test_what_is_there_already_need_not_be_sent_to_its_end(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    store.answers = ["early"]
    sent = uploader(store).send(Found(path, 64 << 20, 0))
    assert isinstance(sent, Sent)
    assert sent.there
    assert len(store.signed) == 1, "one answer was enough"


@pytest.mark.parametrize(
    "answer", [(503, "SlowDown"), (500, "InternalError"), (409, "ConditionalRequestConflict"), "drop"]
)
def test_what_passes_is_tried_again_with_a_fresh_signature_and_from_the_first_byte(
    store: Store, tmp_path: Path, answer: tuple[int, str] | str
) -> None:
    pauses: list[float] = []
    store.answers = [answer, answer]
    assert isinstance(uploader(store, pauses).send(a_file(tmp_path)), Sent)
    assert len(store.signed) == 3
    assert pauses == [0.5, 1.0]
    (received,) = store.received.values()
    assert set(received) == {b"what the camera saw"}


def test_what_does_not_pass_is_given_up_with_its_last_words(store: Store, tmp_path: Path) -> None:
    store.answers = [(503, "SlowDown")] * ATTEMPTS
    failed = uploader(store).send(a_file(tmp_path))
    assert failed == NotSent(str(tmp_path / "a.jpg"), f"given up after {ATTEMPTS} attempts: S3 answered 503 SlowDown")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((403, "AccessDenied"), "S3 answered 403 AccessDenied"),
        ((400, "BadDigest"), "the file changed while it was sent"),
    ],
)
def test_a_refusal_is_told_at_once(store: Store, tmp_path: Path, answer: tuple[int, str], words: str) -> None:
    store.answers = [answer]
    failed = uploader(store).send(a_file(tmp_path))
    assert isinstance(failed, NotSent)
    assert words in failed.problem
    assert len(store.signed) == 1


def test_who_may_not_sign_is_told_why(store: Store, tmp_path: Path) -> None:
    store.away = "signing an upload: no credentials"
    assert uploader(store).send(a_file(tmp_path)) == NotSent(
        str(tmp_path / "a.jpg"), "signing an upload: no credentials"
    )


def test_a_line_that_is_down_for_everybody_is_a_problem_of_each_file_and_no_crash(tmp_path: Path) -> None:
    store = Store()
    store.close()
    failed = uploader(store).send(a_file(tmp_path))
    assert isinstance(failed, NotSent)
    assert "given up after" in failed.problem


def test_what_is_no_file_is_a_problem_with_words_and_the_rest_goes_on(store: Store, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "circle.jpg").symlink_to("circle.jpg")
    names = ["pipe.jpg", "folder.jpg", "circle.jpg", "absent.jpg", "a\0b.jpg", ("d" * 250 + "/") * 4 + "x.jpg"]
    files = [Found(tmp_path / name, 0, 0) for name in names]
    (tmp_path / names[-1]).parent.mkdir(parents=True)
    (tmp_path / names[-1]).write_bytes(b"deep")
    files.append(a_file(tmp_path))

    (group,) = uploader(store).send_all(files)
    problems = [told.problem for told in group if isinstance(told, NotSent)]
    assert len(problems) == len(names)
    assert "not a regular file" in problems[0]
    assert "take" in problems[-1]
    assert isinstance(group[-1], Sent)


def test_many_are_sent_in_groups_and_told_in_their_order(store: Store, tmp_path: Path) -> None:
    files = [a_file(tmp_path, str(number).encode(), f"{number}.jpg") for number in range(GROUP + 3)]
    groups = list(uploader(store).send_all(files))
    assert [len(group) for group in groups] == [GROUP, 3]
    told = [each.item.attributes["path"] for group in groups for each in group if isinstance(each, Sent)]
    assert told == [str(found.path) for found in files]


def test_an_empty_file_is_sent_like_any_other_so_that_it_gets_an_answer(store: Store, tmp_path: Path) -> None:
    assert isinstance(uploader(store).send(a_file(tmp_path, b"")), Sent)
