"""A home that an earlier version wrote keeps all its work. ``truth_1.sql`` is such a file, as version 1 wrote it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tbie.backends.sqlite.database import Database
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import TruthUnavailableError
from tbie.core.ids import SequentialIds
from tbie.core.outcome import TerminalFailure
from tbie.history import fold, plain
from tbie.testing.builders import WHO, chain, item_of, key, new_item, record_of, settle
from tbie.truth import Committed, Heartbeat, Reset, StageState

DUMP = Path(__file__).with_name("truth_1.sql")
WORKFLOW = chain("a", "b")
STAGE_COLUMNS = (
    "item_id, stage, state, version, generation, token, attempts, since_ms, updated_ms, not_before_ms, reason, retriable,"
    " evidence, facts"
)
KEPT = ("meta", "tenant", "item", "history", "cursor", "heartbeat")
PENDING, COMPLETED, FAILED, SKIPPED = StageState.PENDING, StageState.COMPLETED, StageState.FAILED, StageState.SKIPPED
TALLY = {
    ("t1", "a", COMPLETED): 3,
    ("t1", "a", FAILED): 2,
    ("t1", "a", PENDING): 2,
    ("t1", "b", COMPLETED): 1,
    ("t1", "b", PENDING): 2,
    ("t1", "b", SKIPPED): 2,
    ("t2", "a", COMPLETED): 1,
    ("t2", "b", COMPLETED): 1,
}
VERSIONS = {("t1", "a", "v1"): 3, ("t1", "b", "v1"): 1, ("t2", "a", "v1"): 1, ("t2", "b", "v1"): 1}


def write_version_1(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DUMP.read_text())


def contents(path: Path) -> dict[str, list[Any]]:
    """Everything that version 1 knew, and the version of the file."""
    with closing(sqlite3.connect(path)) as connection:
        found = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in KEPT}
        found["stage"] = connection.execute(f"SELECT {STAGE_COLUMNS} FROM stage").fetchall()
        found["version"] = connection.execute("PRAGMA user_version").fetchall()
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return found


def open_truth(path: Path) -> SqliteTruth:
    return SqliteTruth(path, WORKFLOW, ManualClock(), SequentialIds("new"), create=False)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of version 1 with work in every state."""
    path = tmp_path / "truth.db"
    write_version_1(path)
    return path


@pytest.fixture
def migrated(old: Path) -> Iterator[SqliteTruth]:
    store = open_truth(old)
    yield store
    store.close()


def test_every_row_of_version_1_is_there_as_it_was(old: Path) -> None:
    before = contents(old)
    assert before["version"] == [(1,)]
    assert {row[2] for row in before["stage"]} == {"pending", "completed", "failed", "skipped"}
    open_truth(old).close()
    assert contents(old) == {**before, "version": [(2,)]}


def test_what_version_1_wrote_is_read_in_today_s_words(migrated: SqliteTruth) -> None:
    assert migrated.tally() == TALLY
    assert migrated.tally("t2") == {("t2", "a", COMPLETED): 1, ("t2", "b", COMPLETED): 1}
    assert migrated.versions() == VERSIONS
    assert {record.resets for item in migrated.items() for record in item.stages.values()} == {0}
    open_a = {(row.key.item, row.reason) for row in migrated.open_stages("a", None, 10)}
    assert open_a == {("open", None), ("put_off", "busy")}
    assert [row.key.item for row in migrated.failed_stages("a", 1, 2**60, 10)] == ["failed"], "one killed its worker"
    assert (migrated.cursor("reconciler"), migrated.read_meta("manifest")) == (5, "m1")
    assert [beat.instance for beat in migrated.heartbeats()] == ["r1"]
    assert migrated.documents("term") == []


def test_a_history_that_began_under_version_1_still_gives_the_row(migrated: SqliteTruth) -> None:
    for name in ("open", "put_off", "half", "done", "replayed", "failed", "died"):
        rows = fold(migrated.history(key(name)))
        rows.pop("@item")
        assert rows == {stage: plain(record) for stage, record in item_of(migrated, key(name)).stages.items()}


def test_work_goes_on_where_version_1_left_it(migrated: SqliteTruth) -> None:
    assert isinstance(settle(migrated, key("put_off"), "a"), Committed)
    assert isinstance(settle(migrated, key("half"), "b"), Committed)
    migrated.add([new_item("fresh")], WHO)
    (row,) = migrated.failed_stages("a", 1, 2**60, 10)
    migrated.commit([Reset(row.key, "a", WHO, automatic=True, token=row.token)])
    assert (record_of(migrated, row.key, "a").state, record_of(migrated, row.key, "a").resets) == (PENDING, 1)
    changes = {("t1", "a", COMPLETED): 4, ("t1", "a", FAILED): 1, ("t1", "a", PENDING): 3, ("t1", "b", COMPLETED): 2}
    waits = {("t1", "b", SKIPPED): 1, ("t1", "b", StageState.WAITING): 1}
    assert migrated.tally() == {**TALLY, **changes, **waits}
    assert migrated.versions() == {**VERSIONS, ("t1", "a", "v1"): 4, ("t1", "b", "v1"): 2}
    term = migrated.write_document("term", "reconciler", {}, None)
    assert term is not None
    assert migrated.documents("term") == [term]


def test_only_what_is_completed_is_counted_by_version(old: Path, migrated: SqliteTruth) -> None:
    settle(migrated, key("put_off"), "a")
    settle(migrated, key("open"), "a", TerminalFailure("bad", True))
    with closing(sqlite3.connect(old)) as connection:
        rows = connection.execute("SELECT state, version <> '' FROM tally WHERE n <> 0").fetchall()
    assert set(rows) == {("completed", 1), ("pending", 0), ("failed", 0), ("skipped", 0)}


def test_a_migrated_file_is_built_like_a_new_one(old: Path, tmp_path: Path) -> None:
    open_truth(old).close()
    new = tmp_path / "new.db"
    SqliteTruth(new, WORKFLOW, ManualClock(), SequentialIds()).close()
    assert structure(old) == structure(new)


def structure(path: Path) -> dict[str, object]:
    """Tables by their columns and keys, indexes by their text."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
        found: dict[str, object] = {}
        for kind, name, sql in names:
            if kind == "table":
                flags = connection.execute(f"PRAGMA table_list('{name}')").fetchall()
                found[name] = (connection.execute(f"PRAGMA table_xinfo('{name}')").fetchall(), flags)
            else:
                found[name] = sql and " ".join(sql.split())
        found["revision counter"] = connection.execute("SELECT * FROM revision").fetchall()
        found["version"] = connection.execute("PRAGMA user_version").fetchall()
    return found


def test_a_file_is_migrated_once(old: Path) -> None:
    first = open_truth(old)
    assert first.write_document("term", "reconciler", {}, None) is not None
    second = open_truth(old)
    assert (second.documents("term"), second.tally()) == (first.documents("term"), TALLY)
    second.close()
    first.close()


def test_several_that_open_a_file_of_version_1_at_once_all_succeed(tmp_path: Path) -> None:
    for round_ in range(5):
        path = tmp_path / f"truth{round_}.db"
        write_version_1(path)
        gate = threading.Barrier(4)
        tallies: list[object] = []

        def open_it(path: Path = path, gate: threading.Barrier = gate, tallies: list[object] = tallies) -> None:
            gate.wait()
            store = open_truth(path)
            tallies.append(store.tally())
            store.close()

        threads = [threading.Thread(target=open_it) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert tallies == [TALLY] * 4


def test_a_step_that_fails_leaves_version_1_and_the_next_start_tries_again(old: Path) -> None:
    before = contents(old)
    steps = (
        "ALTER TABLE stage ADD COLUMN resets INTEGER NOT NULL DEFAULT 0; DROP TABLE tally",
        "INSERT INTO gone VALUES (1)",
    )
    with pytest.raises(TruthUnavailableError, match="no such table: gone"):
        Database(old, ("", 3), (), TruthUnavailableError, False, steps=steps)
    assert contents(old) == before
    store = open_truth(old)
    assert store.tally() == TALLY
    store.close()


def test_steps_are_taken_in_order_from_the_version_that_is_there(tmp_path: Path) -> None:
    steps = ("CREATE TABLE two(x)", "ALTER TABLE two RENAME TO three", "INSERT INTO three VALUES (4)")
    for first in (1, 2, 3, 4):
        path = tmp_path / f"from{first}.db"
        taken = steps[: first - 1]
        schema = ";".join(("CREATE TABLE one(x)", *taken))
        Database(path, (schema, first), (), TruthUnavailableError, False, steps=taken).close()
        database = Database(path, ("not used", 4), (), TruthUnavailableError, False, steps=steps)
        assert database.read("SELECT x FROM three") == [(4,)]
        assert database.read("PRAGMA user_version") == [(4,)]
        database.close()


KILLED = """
import os, shutil, signal, sqlite3, sys
from pathlib import Path
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.testing.builders import chain
folder = Path(sys.argv[1])
really_connect = sqlite3.connect

def dies_before(number):
    seen = 0
    def trace(statement):
        nonlocal seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
    def connect(*args, **kwargs):
        connection = really_connect(*args, **kwargs)
        connection.set_trace_callback(trace)
        return connection
    return connect

number = 0
while True:
    number += 1
    path = folder / f"killed{number:02}.db"
    shutil.copy(folder / "truth.db", path)
    child = os.fork()
    if child == 0:
        sqlite3.connect = dies_before(number)
        SqliteTruth(path, chain("a", "b"), ManualClock(), SequentialIds(), create=False)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_whoever_is_killed_while_migrating_leaves_version_1_or_2_and_all_the_work(old: Path, tmp_path: Path) -> None:
    before = contents(old)
    child = [sys.executable, "-c", KILLED, str(tmp_path)]
    done = subprocess.run(child, env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    versions = []
    for path in sorted(tmp_path.glob("killed*.db")):
        found = contents(path)
        versions += [version for (version,) in found["version"]]
        assert found == {**before, "version": found["version"]}
        store = open_truth(path)
        assert (store.tally(), store.versions()) == (TALLY, VERSIONS)
        store.close()
    assert versions == sorted(versions)
    assert versions.count(1) >= 12, "before each statement of the migration"
    assert versions.count(2) >= 2, "and after it"


def test_a_heartbeat_of_a_migrated_home_is_written_as_ever(migrated: SqliteTruth) -> None:
    beat = Heartbeat("reconciler", "r1", 7, {"passes": 4})
    migrated.beat(beat)
    assert migrated.heartbeats() == [beat]
