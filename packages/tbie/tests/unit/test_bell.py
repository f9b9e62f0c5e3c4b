"""The bell rings pipes and nothing else."""

from __future__ import annotations

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
