"""What a database file says of itself, read without changing it: for guardrails, which also look at broken homes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from tbie.core.clock import Clock
from tbie.core.reading import Known, Reading, Unknown


class FileLook(NamedTuple):
    """One database file."""

    schema: int
    write_ahead: bool
    """Whether the file itself says that it keeps a write-ahead log."""


def look(path: Path, clock: Clock) -> Reading[FileLook]:
    """Schema version and journal of the file at *path*; unknown if it is missing or not a database."""
    now = clock.now_ms()
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=2.0)) as connection:
            (schema,) = connection.execute("PRAGMA user_version").fetchone()
            (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
    except sqlite3.Error as error:
        return Unknown(str(error), str(path), now)
    return Known(FileLook(int(schema), journal == "wal"), str(path), now)
