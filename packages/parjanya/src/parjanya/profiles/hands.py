"""What a worker has, or had, in hand, in words and as fields of an event. Caller: ``local``."""

from __future__ import annotations

from tbie.backends.sqlite.execution import Death
from tbie.backends.sqlite.slot import Doing


def in_words(doing: Doing) -> str:
    """What a worker has in hand: stage and item, or how many."""
    return f"{doing.stage} {doing.item.item if doing.items == 1 else f'{doing.items} items'}"


def told(death: Death) -> dict[str, object]:
    """What a dead worker was doing, as fields of an event."""
    if death.doing is None:
        return {"exit_status": death.evidence.get("exit_status")}
    doing, status = death.doing, death.evidence.get("exit_status")
    if doing.items > 1:
        return {"stage": doing.stage, "suspects": list(doing.tokens), "exit_status": status}
    return {"stage": doing.stage, "tenant": doing.item.tenant, "item": doing.item.item, "exit_status": status}
