"""Changes that were pushed to us instead of read by us: a function that is called with the records of a stream.

A record says where to look and nothing else: the rows are read again, so that one that came late, or twice, or out of order does
no harm, and what is closed by now is not sent. Callers: ``loop``; the shells of functions name the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tbie.core.keys import ItemKey
from tbie.truth import Item, OpenStage, StageState, TruthStore


class Row(NamedTuple):
    """The stage of an item about which a record spoke."""

    key: ItemKey
    stage: str


def still_open(truth: TruthStore, rows: Iterable[Row]) -> list[OpenStage]:
    """Which of *rows* are pending now, each once, as Truth has them, in the order in which they were named first.

    Raises:
        TruthUnavailableError: nobody can say.
    """
    wanted = list(dict.fromkeys(rows))
    keys = list(dict.fromkeys(row.key for row in wanted))
    items = {item.key: item for item in truth.get(keys) if item is not None} if keys else {}
    found = (_open(items.get(row.key), row.stage) for row in wanted)
    return [row for row in found if row is not None]


def _open(item: Item | None, stage: str) -> OpenStage | None:
    record = item.stages.get(stage) if item is not None else None
    if item is None or record is None or record.state is not StageState.PENDING:
        return None
    return OpenStage(
        item.key,
        stage,
        record.version,
        record.generation,
        record.token,
        record.since_ms,
        record.not_before_ms,
        record.attempts,
        item.address,
        record.reason,
    )
