"""From a file of SQLite to DynamoDB and back: every history the same, work goes on with the tokens that there were."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from packages.tbie.tests.unit.moving.exports import brought, exported
from tbie.backends.aws.client import Clients
from tbie.backends.aws.truth import DynamoTruth
from tbie.backends.memory.truth import MemoryTruth
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.ids import SequentialIds
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.moving import Difference, compare
from tbie.testing.aws.server import SharedClock
from tbie.testing.builders import WHO, chain, gallery, item_of, key, new_item, new_items, settle, settlement
from tbie.truth import Committed, Reset, Update


@pytest.fixture
def old(shared_clock: SharedClock, tmp_path: Path) -> SqliteTruth:
    """Thirty items of two tenants, with all that can have happened to them."""
    truth = SqliteTruth(tmp_path / "truth.db", gallery(), shared_clock, SequentialIds(), synchronous="OFF")
    truth.add([*new_items(25), *new_items(5, "ünï ☂")], WHO)
    for number in range(1, 26):
        where = key(f"i{number:04}")
        shared_clock.advance_ms(3)
        outcomes: list[Outcome] = [
            Completed({"kind": "photo", "n": number / 7}),
            TerminalFailure("bad", True, {"m": "\ud800"}),
            Retry("busy"),
        ]
        settle(truth, where, "read", outcomes[number % 3])
    truth.commit([Reset(key("i0003"), "read", WHO)])
    truth.commit([Update(key("i0001", "ünï ☂"), new_item("elsewhere").address, {"size": 1}, WHO)])
    settle(truth, key("i0006"), "measure", Completed({"large": "☂" * 30_000}))
    truth.write_document("policy", "p", {"text": "rules"}, None)
    return truth


def test_truth_moves_to_dynamodb_and_back_without_a_change(
    old: SqliteTruth, aws: Clients, shared_clock: SharedClock
) -> None:
    data = exported(old)
    new = DynamoTruth(aws, gallery(), shared_clock, SequentialIds())
    assert brought(new, data).written == 30
    found: list[Difference] = []
    compare(new, io.BytesIO(data), found.append)
    assert found == []
    assert new.items() == old.items()
    assert {k: n for k, n in new.tally().items() if n} == {k: n for k, n in old.tally().items() if n}
    assert [d.body for d in new.documents("policy")] == [{"text": "rules"}]
    back = MemoryTruth(gallery(), shared_clock, SequentialIds())
    brought(back, exported(new))
    assert back.items() == old.items()
    (result,) = new.commit([settlement(old, key("i0003"), "read", Completed({"kind": "photo"}))])
    assert isinstance(result, Committed), "the token is the one that it was"
    assert brought(new, data).gone_on == 1
    old.close()


def test_more_than_a_transaction_holds_is_restored(aws: Clients, shared_clock: SharedClock) -> None:
    old = MemoryTruth(chain("a"), shared_clock, SequentialIds())
    old.add([new_item()], WHO)
    for _ in range(180):
        shared_clock.advance_ms(1)
        old.commit([Reset(key(), "a", WHO)])
    new = DynamoTruth(aws, chain("a"), shared_clock, SequentialIds())
    assert brought(new, exported(old)).written == 1
    assert item_of(new, key()) == item_of(old, key())
    assert len(new.history(key())) == 181
