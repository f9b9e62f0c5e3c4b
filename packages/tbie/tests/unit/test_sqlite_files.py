"""Truth's file, and the folder of objects: deleted, damaged, too new, in the way, full."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.objects import LocalObjects
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import IntentUnavailableError, MisroutedIntentError, NewerSchemaError, TruthUnavailableError
from tbie.core.ids import SequentialIds
from tbie.core.keys import Address
from tbie.core.outcome import Completed
from tbie.testing.builders import (
    RETENTION_S,
    WHO,
    chain,
    item_of,
    key,
    new_item,
    new_items,
    record_of,
    settle,
    settlement,
    stage,
)
from tbie.truth import Committed, Refused, Reset, StageState
from tbie.workflow import Workflow

WORKFLOW = chain("a", "b")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def open_truth(folder: Path, clock: ManualClock, workflow: Workflow = WORKFLOW, prefix: str = "t") -> SqliteTruth:
    return SqliteTruth(folder / "truth.db", workflow, clock, SequentialIds(prefix))


def open_intent(folder: Path, clock: ManualClock) -> SqliteIntent:
    return SqliteIntent(folder / "intent.db", clock, RETENTION_S)


@pytest.fixture
def truth(tmp_path: Path, clock: ManualClock) -> Iterator[SqliteTruth]:
    store = open_truth(tmp_path, clock)
    yield store
    store.close()


@pytest.fixture
def intent(tmp_path: Path, clock: ManualClock) -> Iterator[SqliteIntent]:
    store = open_intent(tmp_path, clock)
    yield store
    store.close()


def test_truth_is_the_same_after_it_was_closed_and_opened_again(
    truth: SqliteTruth, tmp_path: Path, clock: ManualClock
) -> None:
    truth.add(new_items(3), WHO)
    settle(truth, key("i0001"), "a", Completed({"a": "☂"}))
    truth.save_cursor("r", 4)
    before, seq = truth.items(), truth.last_seq()
    truth.close()
    again = open_truth(tmp_path, clock)
    assert (again.items(), again.last_seq(), again.cursor("r")) == (before, seq, 4)
    again.close()


def test_rows_of_a_stage_that_the_workflow_lost_are_refused_not_a_crash(
    truth: SqliteTruth, tmp_path: Path, clock: ManualClock
) -> None:
    truth.add([new_item()], WHO)
    late = settlement(truth, key(), "a")
    truth.close()
    slimmer = open_truth(tmp_path, clock, chain("z"))
    results = slimmer.commit([late, Reset(key(), "a", WHO)])
    assert results == [Refused("no_such_stage")] * 2
    slimmer.close()


def test_an_item_written_before_a_stage_was_added_gains_it(
    truth: SqliteTruth, tmp_path: Path, clock: ManualClock
) -> None:
    truth.add([new_item()], WHO)
    settle(truth, key(), "a")
    truth.close()
    grown = open_truth(tmp_path, clock, Workflow("w", (stage("a"), stage("b", "a"), stage("late", "a"))))
    assert isinstance(settle(grown, key(), "b"), Committed)
    grown.commit([Reset(key(), "a", WHO)])
    settle(grown, key(), "a")
    assert record_of(grown, key(), "late").state is StageState.PENDING
    grown.close()


def test_a_deleted_truth_is_never_begun_anew_behind_anybodys_back(truth: SqliteTruth, tmp_path: Path) -> None:
    truth.add([new_item()], WHO)
    (tmp_path / "truth.db").unlink()
    with pytest.raises(TruthUnavailableError, match="has disappeared; restore it"):
        truth.add([new_item("i2")], WHO)
    with pytest.raises(TruthUnavailableError, match="has disappeared"):
        truth.items()
    assert not (tmp_path / "truth.db").exists()


def test_a_damaged_truth_is_reported_and_left_as_it_is(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "truth.db").write_bytes(b"garbage" * 1_000)
    with pytest.raises(TruthUnavailableError, match="damaged: restore it from a backup"):
        open_truth(tmp_path, clock)
    assert (tmp_path / "truth.db").read_bytes() == b"garbage" * 1_000


@pytest.mark.parametrize(("name", "known"), [("truth.db", 2), ("intent.db", 1)])
def test_a_file_of_a_newer_version_is_refused_and_unchanged(
    tmp_path: Path, clock: ManualClock, name: str, known: int
) -> None:
    path = tmp_path / name
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE future(x); PRAGMA user_version=999;")
    connection.close()
    with pytest.raises(NewerSchemaError, match=rf"schema 999, this one knows {known}\).*Nothing was changed"):
        (open_truth if name == "truth.db" else open_intent)(tmp_path, clock)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("future",)]
    assert connection.execute("PRAGMA user_version").fetchone() == (999,)
    connection.close()


def test_a_home_that_is_not_a_directory_is_one_clear_error(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(TruthUnavailableError, match="check that the home is writable"):
        open_truth(tmp_path / "home", clock)
    with pytest.raises(IntentUnavailableError, match="check that the home is writable"):
        open_intent(tmp_path / "home", clock)


def test_a_full_disk_commits_nothing_says_what_to_do_and_goes_on_when_there_is_room(truth: SqliteTruth) -> None:
    truth.add([new_item()], WHO)
    before = item_of(truth, key())
    with truth._db.write() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")
    big = Completed({"a": "x" * 1_000_000})
    with pytest.raises(TruthUnavailableError, match="disk is full: free space and run the same command again"):
        settle(truth, key(), "a", big)
    assert item_of(truth, key()) == before
    with truth._db.write() as connection:
        connection.execute("PRAGMA max_page_count=1000000")
    assert isinstance(settle(truth, key(), "a", big), Committed)


@pytest.mark.parametrize("name", ["/a%zz", "/a\0b"])
def test_a_key_that_names_no_file_is_misrouted_and_nothing_worse(tmp_path: Path, name: str) -> None:
    def path_of(name: str) -> Path:
        if "%" in name:
            raise ValueError(name)
        return Path(name)

    objects = LocalObjects(tmp_path / "objects", {"file": path_of})

    with pytest.raises(MisroutedIntentError, match="is not a key of bucket 'file'"):
        objects.has(Address("file", name))


def test_an_emptied_truth_is_not_begun_anew_by_whoever_only_joins(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "truth.db").touch()

    with pytest.raises(TruthUnavailableError, match="empty"):
        SqliteTruth(tmp_path / "truth.db", WORKFLOW, clock, SequentialIds(), create=False)


def test_a_truth_that_an_empty_file_replaced_is_not_begun_anew(
    tmp_path: Path, clock: ManualClock, truth: SqliteTruth
) -> None:
    for name in ("truth.db", "truth.db-wal", "truth.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "truth.db").touch()

    with pytest.raises(TruthUnavailableError, match="empty"):
        truth.last_seq()
