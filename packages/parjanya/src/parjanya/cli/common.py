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
from parjanya.profiles.system import System, open_system

TENANT_MAX = 128
"""Characters in a tenant's name."""


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
        """Where the home is. An empty ``PARJANYA_HOME`` names no place, and certainly not the current folder."""
        return self.home if self.home is not None and self.home != Path() else Path.cwd() / DEFAULT_NAME

    @property
    def begun(self) -> bool:
        """Whether there is an instance in the home; asked without making the directory."""
        return Home(self.root, paths_only=True).begun()


@contextmanager
def opened(common: Common, must_exist: bool = True) -> Iterator[System]:
    """The instance in the home of *common*, closed afterwards."""
    if must_exist and not common.begun:
        raise UsageError(f"there is nothing in {common.root}: `parjanya curate FOLDER` or `ingest FOLDER` begins one")
    system = open_system(Home(common.root), create=not must_exist)
    try:
        yield system
    finally:
        system.close()


@contextmanager
def if_there(common: Common) -> Iterator[System | None]:
    """As ``opened``, or None where there is no home yet: for what can be said without one."""
    if not common.begun:
        yield None
        return
    with opened(common) as system:
        yield system


def say(text: str = "") -> None:
    """A line for people, on standard error: standard output is for results."""
    print(printable(text), file=sys.stderr, flush=True)


def show(text: str = "") -> None:
    """A line of the result, on standard output."""
    print(printable(text), flush=True)


def show_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json_text(value, indent=2), flush=True)


def show_json_line(value: Any) -> None:
    """One JSON document on one line of standard output."""
    print(json_text(value), flush=True)


def show_json_array(values: Iterable[Any]) -> None:
    """One JSON array on standard output, written as it is read: ten thousand images need no memory."""
    write = sys.stdout.write
    write("[")
    for index, value in enumerate(values):
        write(f"{',' if index else ''}\n{json_text(value)}")
    write("\n]\n")


def json_text(value: Any, indent: int | None = None) -> str:
    """*value* as JSON that says exactly what it says, and that neither a terminal nor an encoding trips over.

    What a terminal would obey, or could not show, is escaped as JSON escapes: such characters occur in file names
    (the narrow space in the names of screenshots, say) and only inside JSON strings.
    """
    encoding = sys.stdout.encoding or "utf-8"
    text = json.dumps(value, ensure_ascii=not encoding.lower().startswith("utf"), indent=indent, default=str)
    return "".join(c if c == "\n" or c.isprintable() else _json_escape(c) for c in text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2))


def printable(text: str) -> str:
    """*text* without what a terminal would obey (control characters in hostile file names) or could not print."""
    safe = "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)
    encoding = sys.stderr.encoding or "utf-8"
    return safe.encode(encoding, "backslashreplace").decode(encoding)


def workers_or_default(workers: int | None) -> int:
    """How many worker processes: as asked, else one for each core."""
    from parjanya.profiles.local import default_workers

    text = os.environ.get("PARJANYA_WORKERS", "").strip()
    if workers is None and not text:
        return default_workers()
    try:
        asked = workers if workers is not None else int(text)
    except ValueError:
        raise UsageError(f"PARJANYA_WORKERS must be a number, not {text!r}") from None
    if asked < 1:
        raise UsageError(f"the number of workers must be at least 1, not {asked}")
    return asked


def check_tenant(tenant: str) -> str:
    """*tenant*, if it can be one: a name that people can read and every store can keep.

    Raises:
        UsageError: it is empty, long, or holds something that is not printable.
    """
    if not tenant or len(tenant) > TENANT_MAX or not tenant.isprintable():
        raise UsageError(f"a tenant is 1 to {TENANT_MAX} printable characters, not {tenant!r}")
    return tenant
