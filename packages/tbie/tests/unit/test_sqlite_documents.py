"""Documents in a file: durable, and one writer at a time wins whichever connection it has."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import FencedError
from tbie.core.ids import SequentialIds
from tbie.testing.builders import WHO, chain, key, new_item, record_of, settlement
from tbie.truth import Document, StageState


def open_truth(folder: Path) -> SqliteTruth:
    return SqliteTruth(folder / "truth.db", chain("a"), ManualClock(), SequentialIds())


@pytest.fixture
def truth(tmp_path: Path) -> Iterator[SqliteTruth]:
    store = open_truth(tmp_path)
    yield store
    store.close()


@pytest.fixture
def other(truth: SqliteTruth, tmp_path: Path) -> Iterator[SqliteTruth]:
    """Another connection to the same file, as another process has it."""
    del truth
    store = open_truth(tmp_path)
    yield store
    store.close()


def written(truth: SqliteTruth, name: str, revision: int | None = None) -> Document:
    document = truth.write_document("term", name, {"holder": name}, revision)
    assert document is not None
    return document


def test_documents_and_the_count_of_revisions_outlive_the_program(truth: SqliteTruth, tmp_path: Path) -> None:
    kept, dropped = written(truth, "kept"), written(truth, "dropped")
    assert truth.drop_document(dropped)
    truth.close()
    again = open_truth(tmp_path)
    assert again.documents("term") == [kept]
    assert written(again, "dropped").revision > dropped.revision, "its fence may still be held by somebody"
    again.close()


def test_a_leader_that_another_process_has_deposed_commits_nothing(truth: SqliteTruth, other: SqliteTruth) -> None:
    truth.add([new_item("i1"), new_item("i2")], WHO)
    term = written(truth, "reconciler")
    commands = [settlement(truth, key("i1"), "a"), settlement(truth, key("i2"), "a")]
    truth.commit(commands[:1], fence=term)
    assert other.write_document("term", "reconciler", {"holder": "other"}, term.revision) is not None
    before = truth.items()
    with pytest.raises(FencedError):
        truth.commit(commands[1:], fence=term)
    assert truth.items() == other.items() == before
    truth.commit(commands[1:], fence=other.documents("term")[0])
    assert record_of(other, key("i2"), "a").state is StageState.COMPLETED


def test_of_many_that_count_in_one_document_no_count_is_lost(truth: SqliteTruth, tmp_path: Path) -> None:
    written(truth, "counter")

    def count() -> None:
        store = open_truth(tmp_path)
        done = 0
        while done < 10:
            (document,) = store.documents("term")
            number = document.body.get("number", 0)
            assert isinstance(number, int)
            done += store.write_document("term", "counter", {"number": number + 1}, document.revision) is not None
        store.close()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (document,) = truth.documents("term")
    assert document.body == {"number": 40}
    assert document.revision == 41
