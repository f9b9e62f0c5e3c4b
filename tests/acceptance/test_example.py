"""The example workload under the faults the kernel is for: real files, real processes, real signals."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "examples" / "invoices.py"


class Run:
    """One run of the example over a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, PROGRAM, self.folder], stdout=subprocess.PIPE)

    def finish(self) -> str:
        assert self.process is not None
        out, _ = self.process.communicate(timeout=50)
        assert self.process.returncode == 0
        return out.decode()

    def children(self) -> list[int]:
        assert self.process is not None
        try:
            return [
                int(p) for p in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            ]
        except FileNotFoundError:
            return []

    def kill_everything(self) -> None:
        assert self.process is not None
        children = self.children()
        self.process.kill()
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        self.process.stdout.close()  # type: ignore[union-attr]

    def until_completed(self, count: int) -> None:
        """Let it run until more than *count* stages are completed, or it ends."""
        assert self.process is not None
        for _ in range(2000):
            if self.completed() > count:
                return
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.01)
                return
        pytest.fail("it neither got there nor ended")

    def query(self, sql: str) -> list[tuple[object, ...]]:
        path = self.folder / ".home" / "truth.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path, timeout=10)) as connection:
            try:
                return connection.execute(sql).fetchall()
            except sqlite3.OperationalError:
                return []

    def completed(self) -> int:
        rows = self.query("SELECT count(*) FROM stage WHERE state = 'completed'")
        count = rows[0][0] if rows else 0
        assert isinstance(count, int)
        return count


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    if not Path("/proc/self/task").exists():
        pytest.skip("finding the processes to kill needs /proc")
    run = Run(tmp_path)
    yield run
    if run.process is not None and run.process.poll() is None:
        run.kill_everything()


def invoices(folder: Path, count: int) -> None:
    for number in range(count):
        (folder / f"{number}.txt").write_text(f"total: {number}\norder: 7\n")


def each_done_once(run: Run, count: int) -> None:
    assert run.query("SELECT stage, count(*) FROM stage WHERE state = 'completed' GROUP BY stage ORDER BY stage") == [
        ("book", count),
        ("check", count),
        ("parse", count),
    ]
    twice = run.query(
        "SELECT item_id, j.key, count(*) FROM history, json_each(after) j"
        " WHERE j.value->>'state' = 'completed' GROUP BY item_id, j.key HAVING count(*) > 1"
    )
    assert twice == []


@pytest.mark.timeout(120)
def test_killing_every_process_again_and_again_loses_nothing_and_does_nothing_twice(run: Run) -> None:
    count = 1200
    invoices(run.folder, count)
    for _ in range(4):
        before = run.completed()
        run.start()
        run.until_completed(before + 100)
        run.kill_everything()
    run.start()
    run.finish()
    each_done_once(run, count)


def test_deleting_the_queue_while_it_runs_loses_nothing(run: Run) -> None:
    count = 1200
    invoices(run.folder, count)
    run.start()
    for threshold in (50, 400, 1500):
        run.until_completed(threshold)
        (run.folder / ".home" / "intent.db").unlink(missing_ok=True)
    run.finish()
    each_done_once(run, count)


def test_an_invoice_that_kills_its_worker_is_quarantined_with_the_signal_and_its_neighbours_are_booked(
    run: Run,
) -> None:
    invoices(run.folder, 30)
    (run.folder / "poison.txt").write_text("total: 1\ncrash: 1\n")
    run.start()
    run.finish()
    rows = run.query(
        "SELECT s.reason, s.attempts, s.evidence->>'signal' FROM stage s JOIN item i ON i.id = s.item_id"
        " WHERE i.item = 'poison.txt' AND s.stage = 'parse'"
    )
    assert rows == [("worker_died", 3, "SIGKILL")]
    assert run.query("SELECT count(*) FROM stage WHERE stage = 'book' AND state = 'completed'") == [(30,)]


def test_a_file_that_can_never_be_parsed_fails_at_once_with_its_reason(run: Run) -> None:
    (run.folder / "bad.txt").write_text("nothing: 1\n")
    run.start()
    assert "'failed': 1" in run.finish()
    assert run.query("SELECT state, reason, attempts, retriable FROM stage WHERE stage = 'parse'") == [
        ("failed", "no_total", 1, 0)
    ]
