"""What the reconciler decided, told as events while it is noted in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from tbie.logs.events import DEBUG, Events
from tbie.reconciler.ledger import Ledger, Noted

T = TypeVar("T", bound=Ledger)


def logged_ledger(ledger: T, events: Events) -> T:
    """*ledger*, telling *events* each decision. Whatever is not told goes straight through."""
    return cast("T", _LoggedLedger(ledger, events))


class _LoggedLedger:
    def __init__(self, ledger: Ledger, events: Events) -> None:
        self._ledger, self._events = ledger, events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def note(self, decisions: Sequence[Noted]) -> None:
        if self._events.debug:
            for noted in decisions:
                where = {"stage": noted.stage, "tenant": noted.key.tenant, "item": noted.key.item}
                fields = {"action": noted.action, "reason": noted.reason, "times": noted.times}
                self._events.say(DEBUG, "decided", decision=noted.token, **where, **fields)
        self._ledger.note(decisions)
