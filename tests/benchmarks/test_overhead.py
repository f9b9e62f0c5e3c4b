"""The measurement of the kernel's own cost, small: lives over the stand-in of AWS are whole, and ask for no more than before."""

from __future__ import annotations

import pytest

pytest.importorskip("boto3", reason="the library of the AWS profile is not installed")

from benchmarks.overhead.command import COLUMNS, PARTS, Figures, over_aws, over_sqlite, table
from benchmarks.overhead.cycle import WORKFLOW
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Facts
from tbie.truth import NewItem

IMAGES = 40
FACTS: dict[str, Facts] = {stage.name: {"made_by": stage.name} for stage in WORKFLOW.stages}
ITEMS = [NewItem(ItemKey("t", f"{n:016x}"), Address("file", f"/{n}.jpg"), {}) for n in range(IMAGES)]


@pytest.fixture(scope="module")
def figures() -> Figures:
    parts, calls = over_aws(FACTS, ITEMS, IMAGES)
    return Figures([parts], [over_sqlite(FACTS, ITEMS, IMAGES)], calls)


def test_each_step_shares_its_transactions(figures: Figures) -> None:
    together = {"added": 2, "technical to observe": IMAGES / 2, "barrier lifted": 2, "group": 2, "curate": 2}
    assert figures.calls["transact_write_items"] * IMAGES == pytest.approx(sum(together.values()), abs=2)


def test_three_messages_are_sent_and_settled_ten_at_a_time_or_as_they_were_claimed(figures: Figures) -> None:
    sent, deleted = figures.calls["send_message_batch"] * IMAGES, figures.calls["delete_message_batch"] * IMAGES
    assert sent == pytest.approx(3 * IMAGES / 10, abs=3)
    assert deleted == pytest.approx(IMAGES / WORKFLOW["technical"].claim_batch + 2 * IMAGES / 10, abs=2)


def test_every_instant_is_counted_in_one_line(figures: Figures) -> None:
    for parts in (*figures.aws, *figures.sqlite):
        printed = {(half, name) for half, named in PARTS.items() for names in named.values() for name in names}
        unseen = {name: ms for name, ms in parts.items() if name not in printed and name[1] != "barrier"}
        assert not any(ms > 0.05 for ms in unseen.values()), unseen
    rows = {half: {name: figures.row(half, names) for name, names in named.items()} for half, named in PARTS.items()}
    assert all(len(row) == len(COLUMNS) and row[0] >= 0 for named in rows.values() for row in named.values())
    assert "together" in table(rows, figures.calls)
