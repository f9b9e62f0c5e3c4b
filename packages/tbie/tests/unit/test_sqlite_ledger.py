"""The ledger's file: deleted, damaged, of another version, out of reach, and shared. Only an account is ever lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tbie.backends.sqlite.database import Database
from tbie.backends.sqlite.ledger import SqliteLedger
from tbie.core.errors import LedgerUnavailableError, NewerSchemaError
from tbie.testing.builders import key
from tbie.testing.conformance.ledger import noted, spans


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteLedger]:
    path.parent.mkdir()
    ledger = SqliteLedger(path, 100)
    yield ledger
    ledger.close()


def test_a_ledger_is_the_same_after_it_was_closed_and_opened_again(ledger: SqliteLedger, path: Path) -> None:
    ledger.note([noted(1), noted(2, stage="b")])
    ledger.note([noted(3)])
    before = ledger.recent()
    ledger.close()
    again = SqliteLedger(path, 100)
    assert again.recent() == before
    again.note([noted(4)])
    assert spans(again.of(key())) == [("nothing", 1, 4, 3), ("nothing", 2, 2, 1)]
    again.close()


def test_a_deleted_ledger_is_begun_anew(ledger: SqliteLedger, path: Path) -> None:
    ledger.note([noted(1)])
    path.unlink()
    assert ledger.recent() == []
    ledger.note([noted(2)])
    assert spans(ledger.recent()) == [("nothing", 2, 2, 1)]


def test_a_ledger_damaged_before_it_is_opened_is_set_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"garbage" * 1_000)
    with closing(SqliteLedger(path, 100)) as ledger:
        ledger.note([noted(1)])
        assert spans(ledger.recent()) == [("nothing", 1, 1, 1)]
    assert path.with_name("ledger.db.broken").read_bytes() == b"garbage" * 1_000


def test_a_ledger_damaged_under_an_open_connection_costs_one_error(ledger: SqliteLedger, path: Path) -> None:
    ledger.note([noted(1)])
    path.write_bytes(b"garbage" * 1_000)
    with pytest.raises(LedgerUnavailableError, match=r"damaged|not a database"):
        ledger.note([noted(2)])
    ledger.note([noted(3)])
    assert spans(ledger.recent()) == [("nothing", 3, 3, 1)]
    assert path.with_name("ledger.db.broken").exists()


def test_a_file_that_can_be_rebuilt_is_set_aside_when_its_version_is_an_older_one(
    ledger: SqliteLedger, path: Path
) -> None:
    ledger.note([noted(1)])
    ledger.close()
    later = Database(path, ("CREATE TABLE entry(other TEXT)", 2), (), LedgerUnavailableError, rebuildable=True)
    assert later.read("SELECT other FROM entry") == []
    assert later.read("PRAGMA user_version") == [(2,)]
    later.close()
    with closing(sqlite3.connect(path.with_name("ledger.db.broken"))) as connection:
        assert connection.execute("SELECT first_ms FROM entry").fetchall() == [(1,)]


def test_a_ledger_of_a_newer_version_is_refused_and_unchanged(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE future(x); PRAGMA user_version=999;")
    with pytest.raises(NewerSchemaError, match="Nothing was changed"):
        SqliteLedger(path, 100)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("future",)]


def test_a_ledger_out_of_reach_says_so_for_every_question(ledger: SqliteLedger, path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))
    for ask in (lambda: ledger.note([noted(1)]), lambda: ledger.of(key()), ledger.recent, ledger.counts):
        with pytest.raises(LedgerUnavailableError, match=r"ledger\.db"):
            ask()
    path.parent.with_name("elsewhere").rename(path.parent)
    ledger.note([noted(2)])
    assert spans(ledger.recent()) == [("nothing", 2, 2, 1)]


def test_whoever_opens_a_ledger_where_none_can_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailableError, match="check that the home is writable"):
        SqliteLedger(tmp_path / "nowhere" / "ledger.db", 100)


def test_two_that_note_in_turn_prolong_the_same_entry(ledger: SqliteLedger, path: Path) -> None:
    with closing(SqliteLedger(path, 100)) as other:
        for at_ms in range(1, 7):
            (ledger if at_ms % 2 else other).note([noted(at_ms)])
        assert other.recent() == ledger.recent()
        assert spans(ledger.recent()) == [("nothing", 1, 6, 6)]


def test_ten_thousand_decisions_leave_a_file_as_large_as_the_bound_not_as_the_past(path: Path) -> None:
    path.parent.mkdir()
    with closing(SqliteLedger(path, 1_000)) as ledger:
        sizes = []
        for first in range(0, 10_000, 1_000):
            ledger.note([noted(n, item=key(f"i{n:06}"), token=f"{n:026}") for n in range(first, first + 1_000)])
            sizes.append(path.stat().st_size)
        assert len(ledger.recent(10_000)) == 1_000
    assert sizes[-1] <= 2 * sizes[1], "freed pages are used again"
