"""What the facts of an item hold at a place. Callers: stores that hold items whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tbie.truth import FactPath, Item, StageState


def value_at(item: Item, path: FactPath) -> Any:
    """As ``TruthStore.project`` gives it for one path."""
    record = item.stages.get(str(path[0]))
    found: Any = record.facts if record is not None and record.state is StageState.COMPLETED else None
    for part in path[1:]:
        if isinstance(part, int):
            found = found[part] if isinstance(found, list) and 0 <= part < len(found) else None
        else:
            found = found.get(part) if isinstance(found, Mapping) else None
    return found
