"""What the facts of an item hold at a place. Callers: stores that hold items whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tbie.truth import Item, StageState


def value_at(item: Item, path: tuple[str, ...]) -> Any:
    """As ``TruthStore.project`` gives it for one path."""
    record = item.stages.get(path[0])
    found: Any = record.facts if record is not None and record.state is StageState.COMPLETED else None
    for name in path[1:]:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
