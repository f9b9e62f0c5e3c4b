"""What all commands share: where the home is, how output is written, what exit codes mean."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from parjanya.home import DEFAULT_NAME, Home
from parjanya.profiles.embedded import System, open_system


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    DONE = 0
    BROKE = 1
    USAGE = 2
    NOT_WELL = 3
    """It works, and tells you that something is not well: failed items, findings, an interruption."""


class UsageError(Exception):
    """The command was asked for something it does not do; the message says what it does instead."""


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    """Options of every command."""

    home: Annotated[Path | None, Parameter(env_var="PARJANYA_HOME")] = None
    "Directory of this instance (default: .parjanya in the current folder)."
    json: bool = False
    "Print one JSON document on standard output."

    @property
    def root(self) -> Path:
        """Where the home is."""
        return self.home if self.home is not None else Path.cwd() / DEFAULT_NAME


@contextmanager
def opened(common: Common, must_exist: bool = True) -> Iterator[System]:
    """The instance in the home of *common*, closed afterwards."""
    if must_exist and not (common.root / "truth.db").exists():
        raise UsageError(f"there is nothing in {common.root}: `parjanya curate FOLDER` or `ingest FOLDER` begins one")
    system = open_system(Home(common.root))
    try:
        yield system
    finally:
        system.close()


def say(text: str = "") -> None:
    """A line for people, on standard error: standard output is for results."""
    print(_printable(text), file=sys.stderr, flush=True)


def show(text: str = "") -> None:
    """A line of the result, on standard output."""
    print(_printable(text), flush=True)


def show_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str).encode("utf-8", "backslashreplace").decode())


def show_json_array(values: Iterable[Any]) -> None:
    """One JSON array on standard output, written as it is read: ten thousand images need no memory."""
    write = sys.stdout.write
    write("[")
    for index, value in enumerate(values):
        text = json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace").decode()
        write(f"{',' if index else ''}\n{text}")
    write("\n]\n")


def _printable(text: str) -> str:
    """*text* without what a terminal would obey (control characters in hostile file names) or could not print."""
    safe = "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)
    encoding = sys.stderr.encoding or "utf-8"
    return safe.encode(encoding, "backslashreplace").decode(encoding)


def workers_or_default(workers: int | None) -> int:
    """How many worker processes: as asked, else one for each core."""
    from parjanya.profiles.embedded import default_workers

    if workers is not None and workers < 1:
        raise UsageError(f"--workers must be at least 1, not {workers}")
    return workers if workers is not None else int(os.environ.get("PARJANYA_WORKERS", "0")) or default_workers()
