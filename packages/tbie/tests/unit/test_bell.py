"""The bell rings pipes and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from tbie.backends.sqlite.bell import Bell, Listener


def test_a_listener_is_woken_by_a_ring(tmp_path: Path) -> None:
    bell = Bell(tmp_path, "truth")

    with Listener(tmp_path, "truth", "engine") as listener:
        bell.ring()

        assert listener.wait(0.0)


def test_a_ring_writes_into_no_file_that_merely_shares_the_topic(tmp_path: Path) -> None:
    database = tmp_path / "truth.db"
    database.write_bytes(b"SQLite format 3\x00")
    bell = Bell(tmp_path, "truth")

    bell.ring()

    assert database.read_bytes() == b"SQLite format 3\x00"


def test_a_listener_hears_although_its_killed_namesake_left_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "truth.engine-1")
    bell = Bell(tmp_path, "truth")

    with Listener(tmp_path, "truth", "engine-1") as listener:
        bell.ring()

        assert listener.wait(0.0)


def test_a_bell_that_knew_a_killed_listener_wakes_the_namesake_that_follows_it(tmp_path: Path) -> None:
    bell = Bell(tmp_path, "truth")
    path = tmp_path / "truth.engine-1"
    os.mkfifo(path)
    killed = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    bell.ring()
    os.close(killed)

    with Listener(tmp_path, "truth", "engine-1") as listener:
        bell.ring()  # finds that the one it knew is dead
        bell.ring()

        assert listener.wait(0.0)


def test_a_ring_survives_the_loss_of_its_folder(tmp_path: Path) -> None:
    bell = Bell(tmp_path / "run", "truth")
    (tmp_path / "run").rmdir()

    bell.ring()

    with Listener(tmp_path / "run", "truth", "engine") as listener:
        bell.ring()

        assert listener.wait(0.0)
