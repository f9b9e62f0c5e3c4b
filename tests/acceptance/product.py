"""Runs `parjanya` as a process and reads what it left behind. Callers: the tests beside this file.

Whatever a test is about, each finished command is also held to two promises: it ended with the expected exit code, and
no traceback reached the error stream. Nothing here sleeps: a wait is on the process itself.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import forking
import numpy as np
import pytest
from PIL import Image

from parjanya.cli.main import run

DONE, BROKE, USAGE, NOT_WELL = 0, 1, 2, 3
STAGES = ("technical", "preview", "quality", "observe", "group", "curate")

QUICK: Mapping[str, float] = {"sweep_interval_s": 1.0, "heartbeat_interval_s": 0.5}
"""Settings that make the safety net and the silence alarm react within a test's patience."""

PROGRAM = ("-m", "parjanya.cli.main")


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (600, 400)) -> Path:
    """A soft colour field that no two seeds share, in the format of the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = np.random.default_rng(seed).integers(0, 255, (12, 18, 3), dtype=np.uint8)
    image = Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)
    image.save(path, "JPEG" if path.suffix.lower() in (".jpg", ".jpeg") else None)
    return path


def pictures(folder: Path, count: int) -> list[Path]:
    """*count* different pictures in *folder*."""
    return [picture(folder / f"img{seed:03}.jpg", seed) for seed in range(count)]


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """The one line it said."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        assert len(lines) == 1, self.err
        return lines[0]


class Running:
    """A command under way; what it says goes to files, so that it never waits for a reader.

    Args:
        mold: forks it, with *arguments* for `parjanya`; None: it is started, and *arguments* begin with a program.
    """

    def __init__(
        self, arguments: Sequence[str | bytes | Path], environment: Mapping[str, str], mold: forking.Mold | None = None
    ) -> None:
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self.process: subprocess.Popen[bytes] | forking.Forked
        if mold is not None:
            self.process = mold.start(arguments, environment, self._out.fileno(), self._err.fileno())
        else:
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._err, env=environment
            )

    @property
    def err(self) -> str:
        return os.pread(self._err.fileno(), 1 << 20, 0).decode("utf-8", "replace")

    def finish(self, code: int | None = DONE, timeout_s: float = 50) -> Ran:
        """Wait for the end; *code* None takes any exit code."""
        try:
            ended = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill_everything()
            pytest.fail(f"it did not end within {timeout_s} s; it said:\n{self.err}")
        out = os.pread(self._out.fileno(), 1 << 26, 0).decode("utf-8", "replace")
        ran = Ran(ended, out, self.err)
        self.close()
        if code is not None:
            assert ran.code == code, ran.err + ran.out
        assert "Traceback" not in ran.err
        return ran

    def until(self, reached: Callable[[], bool], patience_s: float = 30) -> None:
        """Let it run until *reached*. That it ends before is a failure."""
        for _ in range(int(patience_s / 0.02)):
            if reached():
                return
            try:
                self.process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
            break
        assert reached(), f"it never came to that (exit code {self.process.poll()}); it said:\n{self.err}"

    def children(self) -> list[int]:
        """Process ids of its workers."""
        try:
            listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        except FileNotFoundError:
            return []
        return [int(pid) for pid in listed.split()]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill_everything(self) -> None:
        """What a power cut does to processes."""
        workers = self.children()
        self.process.kill()
        for pid in workers:
            kill(pid)
        self.process.wait(10)

    def close(self) -> None:
        self._out.close()
        self._err.close()


def kill(pid: int) -> None:
    """``kill -9``; it may be gone already."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Product:
    """One home, and the commands that a test runs on it.

    Args:
        forks: whether commands may come from a process that has made their imports (``forking``).
    """

    def __init__(self, root: Path, *, forks: bool = True) -> None:
        self._forks = forks and forking.possible()
        self.root = root
        self.shoot = root / "shoot"
        self.home = root / "home"
        self._started: list[Running] = []

    def start(
        self,
        *arguments: str | bytes | Path,
        settings: Mapping[str, object] | None = QUICK,
        program: Sequence[str] = PROGRAM,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Running:
        """Begin a command on this home."""
        variables = {**os.environ, "PARJANYA_HOME": str(self.home), "PARJANYA_WORKERS": "1", **(environment or {})}
        if settings is not None:
            variables["PARJANYA_SETTINGS"] = json.dumps(dict(settings))
        if self._forks and tuple(program) == PROGRAM and not prefix and forking.shared().fits(variables):
            running = Running(arguments, variables, forking.shared())
        else:
            running = Running([*prefix, sys.executable, *program, *arguments], variables)
        self._started.append(running)
        return running

    def run(self, *arguments: str | bytes | Path, code: int | None = DONE, **options: Any) -> Ran:
        """Run a command to its end."""
        return self.start(*arguments, **options).finish(code)

    def curate(self, *arguments: str | bytes | Path, code: int | None = DONE, **options: Any) -> Any:
        """Curate the shoot (or the paths given); returns the result document."""
        return self.run("curate", *(arguments or (self.shoot,)), "--json", code=code, **options).json

    def images(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """What is known of each image, by file name."""
        return {Path(image["path"]).name: image for image in self.look("images", "--json", *arguments).json}

    def look(self, *arguments: str, code: int | None = DONE) -> Ran:
        """Run a command inside this process: for looking, where a process of its own would only cost a second."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            result = run([*arguments, "--home", str(self.home)])
        ran = Ran(result, out.getvalue(), err.getvalue())
        assert code is None or result == code, ran.err + ran.out
        return ran

    def failures(self) -> dict[str, str]:
        """Failure codes by file name."""
        return {name: image["failure"]["code"] for name, image in self.images().items() if image["failure"]}

    def end(self) -> None:
        """End whatever a failed test left running."""
        for running in self._started:
            if running.process.poll() is None:
                running.kill_everything()
            running.close()

    # -- Truth, read from outside

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of truth.db; none while there is no such file or table yet."""
        path = self.home / "truth.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path, timeout=10)) as connection:
            try:
                return connection.execute(sql).fetchall()
            except sqlite3.OperationalError:
                return []

    def completed(self) -> int:
        """How many stages are completed."""
        rows = self.query("SELECT count(*) FROM stage WHERE state = 'completed'")
        return int(rows[0][0]) if rows else 0

    def last_seq(self) -> int:
        """The number of changes that Truth ever recorded."""
        rows = self.query("SELECT coalesce(max(seq), 0) FROM history")
        return int(rows[0][0]) if rows else 0

    def assert_each_done_once(self, count: int) -> None:
        """Every stage of *count* images is completed, and was completed exactly once in each generation."""
        rows = self.query("SELECT stage, count(*) FROM stage WHERE state = 'completed' GROUP BY stage")
        assert dict(rows) == dict.fromkeys(STAGES, count)
        twice = self.query(
            "SELECT item_id, j.key, count(*) FROM history, json_each(after) j WHERE j.value->>'state' = 'completed'"
            " GROUP BY item_id, j.key, j.value->>'generation' HAVING count(*) > 1"
        )
        assert twice == []


def without_root_powers() -> list[str]:
    """A prefix under which permissions hold even for root; skips where that cannot be had."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root ignores permissions, and there is no setpriv to take that power away")
    powers = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}", "--"]
