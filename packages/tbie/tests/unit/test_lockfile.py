"""The queue of writers: in order, given up on after a while, and never left locked by somebody who has gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.lockfile import LockFile
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import IntentUnavailableError, TruthUnavailableError
from tbie.core.ids import SequentialIds
from tbie.testing.builders import RETENTION_S, WHO, chain, envelope, new_items
from tbie.testing.conformance.hands import depth

LONG_S = 30.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.lock"


@pytest.fixture
def held(path: Path) -> Iterator[LockFile]:
    """Somebody else's lock: another open file counts as another process."""
    other = LockFile(path)
    other.take(LONG_S)
    yield other
    other.close()


def is_free(path: Path) -> bool:
    """Whether anybody could have the lock at once."""
    probe = LockFile(path)
    try:
        probe.take(0.0)
    except TimeoutError:
        return False
    finally:
        probe.close()
    return True


def test_who_waits_too_long_is_told_so_and_gets_the_lock_the_next_time(path: Path, held: LockFile) -> None:
    mine = LockFile(path)
    for _ in range(3):
        with pytest.raises(TimeoutError, match=r"x\.lock"):
            mine.take(0.01)
    held.release()
    mine.take(LONG_S)
    with pytest.raises(TimeoutError):
        LockFile(path).take(0.0)
    mine.release()
    assert is_free(path)


def test_a_turn_that_comes_when_nobody_waits_any_more_is_passed_on(path: Path, held: LockFile) -> None:
    gone = LockFile(path)
    with pytest.raises(TimeoutError):
        gone.take(0.01)
    held.release()
    next_one = LockFile(path)
    next_one.take(LONG_S)  # would wait for ever if the thread of the one that left kept its turn
    next_one.release()
    gone.take(LONG_S)
    gone.release()
    assert is_free(path)


def test_whoever_waits_is_let_in_when_the_holder_lets_go(path: Path, held: LockFile) -> None:
    mine, entered = LockFile(path), threading.Event()

    def enter() -> None:
        mine.take(LONG_S)
        entered.set()

    thread = threading.Thread(target=enter)
    thread.start()
    assert not entered.wait(0.05)
    held.release()
    thread.join(LONG_S)
    assert entered.is_set()
    with pytest.raises(TimeoutError):
        held.take(0.01)
    mine.release()


def test_a_truth_that_a_stopped_process_holds_is_unavailable_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tbie.backends.sqlite.database._TURN_S", 0.05)
    truth = SqliteTruth(tmp_path / "truth.db", chain("a"), ManualClock(), SequentialIds())
    stopped = LockFile(tmp_path / "truth.db.lock")
    stopped.take(LONG_S)
    with pytest.raises(TruthUnavailableError, match="kill -CONT"):
        truth.add(new_items(1), WHO)
    assert truth.last_seq() == 0, "readers do not wait for writers"
    stopped.release()
    assert truth.add(new_items(1), WHO) == [True]
    truth.close()


def test_a_queue_that_a_stopped_process_holds_is_unavailable_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tbie.backends.sqlite.database._TURN_REBUILDABLE_S", 0.05)
    intent = SqliteIntent(tmp_path / "intent.db", ManualClock(), RETENTION_S)
    stopped = LockFile(tmp_path / "intent.db.lock")
    stopped.take(LONG_S)
    with pytest.raises(IntentUnavailableError, match="kill -CONT"):
        intent.send([envelope("i1", "a")])
    stopped.release()
    assert intent.send([envelope("i1", stage="a")]) == 1
    assert depth(intent, "a").visible == 1
    intent.close()
