"""The local server of a home: it outlives whoever started it, and nobody takes a process for it that is another one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from parjanya.home import Home
from parjanya.profiles import local_server
from parjanya.profiles.declared_profile import CREDENTIALS, AwsPlace, ProfileError, declared_profile, write
from tbie.testing.aws.needed import needed_interpreter


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    needed_interpreter()
    home = Home(tmp_path / "home")
    yield home
    local_server.stop(home)


def test_it_is_started_once_found_again_and_ended_once(home: Home) -> None:
    assert local_server.serving(home) is None
    first = local_server.start(home)
    place = declared_profile(home)
    assert place is not None
    assert place.endpoint == first.url
    assert local_server.start(home) == local_server.serving(home) == first
    assert declared_profile(home) == place

    assert local_server.stop(home) == first
    assert local_server.serving(home) is None
    assert local_server.stop(home) is None
    assert [path.name for path in home.root.iterdir()] == ["run"], "a home forgets an instance that is gone"


def test_one_that_was_killed_is_not_found_and_another_takes_its_place_with_another_key(home: Home) -> None:
    first = local_server.start(home)
    key = (home.root / CREDENTIALS).read_text()
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    assert local_server.serving(home) is None
    second = local_server.start(home)
    assert second.pid != first.pid
    assert (home.root / CREDENTIALS).read_text() != key


@pytest.mark.parametrize("endpoint", [None, "https://objects.example.org"])
def test_a_home_that_was_pointed_elsewhere_is_neither_taken_nor_forgotten(home: Home, endpoint: str | None) -> None:
    place = AwsPlace("eu-central-1", "shop", "shop-objects", endpoint)
    write(home, place)
    with pytest.raises(ProfileError, match="is the instance at"):
        local_server.start(home)
    assert local_server.stop(home) is None
    assert declared_profile(home) == place


def test_a_process_id_in_an_old_file_is_nobody(home: Home) -> None:
    lock = home.run / local_server.FOLDER / "server.lock"
    lock.parent.mkdir()
    lock.write_text(f'{{"pid": {os.getpid()}, "url": "http://127.0.0.1:1"}}')
    assert local_server.serving(home) is None
    assert local_server.stop(home) is None


def test_a_lock_that_says_nothing_is_left_to_a_person(home: Home) -> None:
    local_server.start(home)
    lock = home.run / local_server.FOLDER / "server.lock"
    said = lock.read_text()
    for text in ("{", "{}", '{"pid": "x"}', "[1]"):
        lock.write_text(text)
        with pytest.raises(ProfileError, match="does not say which server"):
            local_server.stop(home)
    lock.write_text("")
    with pytest.raises(ProfileError, match="at this moment"):
        local_server.start(home)
    lock.write_text(said)


def test_two_who_start_at_once_get_the_same_server_or_a_clear_word(home: Home) -> None:
    found: list[object] = []

    def begin() -> None:
        try:
            found.append(local_server.start(home))
        except ProfileError as error:
            found.append(str(error))

    threads = [threading.Thread(target=begin) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    served = {each for each in found if isinstance(each, local_server.Served)}
    assert served == {local_server.serving(home)}
    assert all("at this moment" in each for each in found if isinstance(each, str))
