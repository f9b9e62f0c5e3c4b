"""Homes: who leads, and what cannot be one."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from starlette.applications import Starlette

from parjanya.api.server import CannotListenError, Server
from parjanya.home import Home
from tbie.core.errors import HomeError


def test_one_engine_leads_and_the_next_one_may_when_it_resigns(tmp_path: Path) -> None:
    first, second = Home(tmp_path / "home"), Home(tmp_path / "home")
    assert first.lead()
    assert first.lead()
    assert not second.lead()
    first.resign()
    assert second.lead()
    second.resign()


def test_a_probe_leaves_nothing_behind(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.probe()
    assert list(home.run.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "no permission to write there"),
        (errno.ESTALE, "stale file handle"),
    ],
)
def test_a_home_that_can_no_longer_be_written_says_why_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    home = Home(tmp_path)

    def refuse(*_: object) -> int:
        raise OSError(number, "Stale file handle")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(HomeError, match=words) as caught:
        home.probe()
    assert "--home" in str(caught.value) or "run the same command again" in str(caught.value)


def test_a_port_that_does_not_exist_is_refused_in_words() -> None:
    with pytest.raises(CannotListenError, match="0-65535"):
        Server(Starlette(), "127.0.0.1", 70_000)
