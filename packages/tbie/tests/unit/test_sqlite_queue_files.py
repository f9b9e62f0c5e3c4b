"""The queue's file: deleted, damaged, replaced, full, locked. Whatever happens to it, Truth has the work."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import ManualClock, SystemClock
from tbie.core.errors import IntentUnavailableError
from tbie.core.ids import SequentialIds
from tbie.core.reading import Depth, Unknown
from tbie.core.settings import Settings
from tbie.execution import OneByOne
from tbie.intent import Bury, Claim, Disposal, Message
from tbie.testing.builders import (
    RETENTION_S,
    WHO,
    World,
    chain,
    echo,
    envelope,
    new_items,
)
from tbie.testing.conformance.hands import claim, depth, names
from tbie.truth import StageState
from tbie.worker import Worker
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


@pytest.mark.parametrize("leftovers", [(), ("-journal",), ("-wal", "-shm", "-journal")])
def test_a_deleted_queue_is_noticed_and_begun_anew(
    intent: SqliteIntent, tmp_path: Path, leftovers: tuple[str, ...]
) -> None:
    intent.send([envelope()])
    (tmp_path / "intent.db").unlink()
    for suffix in leftovers:
        (tmp_path / f"intent.db{suffix}").write_bytes(b"left over by somebody who died" * 100)
    assert claim(intent) == []
    assert intent.send([envelope("i2")]) == 1
    assert names(claim(intent)) == ["t1/i2"]


def test_a_queue_replaced_by_another_process_is_the_one_that_is_used(
    intent: SqliteIntent, tmp_path: Path, clock: ManualClock
) -> None:
    intent.send([envelope("old")])
    (tmp_path / "intent.db").unlink()
    other = open_intent(tmp_path, clock)
    other.send([envelope("new")])
    assert names(claim(intent)) == ["t1/new"]
    assert depth(other).in_flight == 1
    other.close()


@pytest.mark.parametrize("damage", [b"not a database at all" * 500, b"SQLite format 3\x00" + b"\xff" * 5_000])
def test_a_damaged_queue_is_set_aside_and_rebuilt_from_truth(
    truth: SqliteTruth, tmp_path: Path, clock: ManualClock, damage: bytes
) -> None:
    (tmp_path / "intent.db").write_bytes(damage)
    queue = open_intent(tmp_path, clock)
    world = World(WORKFLOW, truth, queue, clock)
    world.add(new_items(3))
    world.heal()
    assert {r.state for item in truth.items() for r in item.stages.values()} == {StageState.COMPLETED}
    assert (tmp_path / "intent.db.broken").read_bytes() == damage, "kept for whoever wants to know why"
    queue.close()


def test_a_full_disk_of_the_queue_is_an_outage_not_a_reason_to_throw_it_away(
    intent: SqliteIntent, tmp_path: Path
) -> None:
    intent.send([envelope()])
    with intent._db.write() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(IntentUnavailableError, match="full"):
        intent.send([envelope("x" * 900 + str(n)) for n in range(1_000)])
    assert depth(intent).live == 1
    assert not (tmp_path / "intent.db.broken").exists()


def test_a_receipt_of_a_deleted_queue_settles_nothing_in_the_queue_that_replaced_it(
    tmp_path: Path, clock: ManualClock, intent: SqliteIntent
) -> None:
    intent.send([envelope("old")])
    (stale,) = claim(intent)
    (tmp_path / "intent.db").unlink()
    intent.send([envelope("innocent")])
    (held,) = claim(intent)

    intent.exchange([Bury(stale, "poison", {})], ())

    assert intent.extend([held], 60.0) == 1
    assert intent.extend([stale], 60.0) == 0
    assert depth(intent).dead == 0


class _AwayOnce:
    """A queue that is away when it is first told what became of a message."""

    def __init__(self, queue: SqliteIntent) -> None:
        self._queue, self._away = queue, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def exchange(self, disposals: Sequence[Disposal], claims: Sequence[Claim]) -> list[Message]:
        if disposals and self._away:
            self._away = False
            raise IntentUnavailableError("away")
        return self._queue.exchange(disposals, claims)


def test_a_queue_that_was_away_for_a_moment_still_learns_what_became_of_its_messages(
    clock: ManualClock, truth: SqliteTruth, intent: SqliteIntent
) -> None:
    truth.add(new_items(1), WHO)
    (row,) = truth.open_stages("a", None, 10)
    intent.send([envelope("i0001", token=row.token)])
    args = (WORKFLOW, {"a": OneByOne(echo), "b": OneByOne(echo)}, truth, _AwayOnce(intent), clock, Settings())
    worker = Worker("w", WORKFLOW.pools[0], *args)
    assert worker.step().committed == 1

    with pytest.raises(IntentUnavailableError):
        worker.flush()
    worker.flush()

    assert depth(intent) == Depth(0, 0, 0, 0, None)


@pytest.mark.parametrize("opened", ["before it was locked", "while it is locked"])
def test_a_queue_that_another_program_locks_costs_its_readers_one_wait_and_not_one_for_each_question(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, opened: str
) -> None:
    """A pass asks a dozen times; twelve waits would keep the control plane from saying in time that it is blind."""
    patience_s = 0.3
    monkeypatch.setattr("tbie.backends.sqlite.database._BUSY_TIMEOUT_REBUILDABLE_S", patience_s)
    intent = open_intent(tmp_path, clock)
    intent.send([envelope("i1", "a")])
    rogue = sqlite3.connect(tmp_path / "intent.db", isolation_level=None)
    rogue.execute("BEGIN EXCLUSIVE")
    if opened == "while it is locked":
        intent.close()
        intent = open_intent(tmp_path, clock)
    began_s = SystemClock().monotonic_s()
    assert [type(intent.depth("a")) for _ in range(8)] == [Unknown] * 8
    with pytest.raises(IntentUnavailableError, match="locked"):
        intent.send([envelope("i2", "a")])
    assert SystemClock().monotonic_s() - began_s < 3 * patience_s
    rogue.execute("ROLLBACK")
    assert depth(intent, "a").visible == 1
    rogue.execute("BEGIN EXCLUSIVE")
    began_s = SystemClock().monotonic_s()
    assert isinstance(intent.depth("a"), Unknown)
    assert SystemClock().monotonic_s() - began_s >= patience_s  # it had been free: the next lock may be a short one
    rogue.close()
    intent.close()
