"""What goes through Intent, told as events: sent, claimed, and what became of each message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from tbie.core.errors import IntentUnavailableError
from tbie.intent import Bury, Claim, Defer, Delete, Disposal, Envelope, Hold, IntentQueue, Message, Release
from tbie.logs.events import DEBUG, WARNING, Events

T = TypeVar("T", bound=IntentQueue)

_ENDS = {Delete: "deleted", Defer: "deferred", Bury: "buried", Release: "released", Hold: "held"}


def logged_intent(intent: T, events: Events) -> T:
    """*intent*, telling *events* what goes through it. Whatever is not told goes straight through."""
    return cast("T", _LoggedIntent(intent, events))


class _LoggedIntent:
    def __init__(self, intent: IntentQueue, events: Events) -> None:
        self._intent, self._events = intent, events
        self._away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._intent, name)

    def send(self, envelopes: Sequence[Envelope]) -> int:
        try:
            sent = self._intent.send(envelopes)
        except IntentUnavailableError as error:
            self._gone(error)
            raise
        if envelopes:
            self._back()
            if self._events.debug:
                for envelope in envelopes:
                    self._events.say(DEBUG, "intent_sent", decision=envelope.token, **_where(envelope))
        return sent

    def exchange(self, disposals: Sequence[Disposal], claims: Sequence[Claim]) -> list[Message]:
        try:
            messages = self._intent.exchange(disposals, claims)
        except IntentUnavailableError as error:
            self._gone(error)
            raise
        self._back()
        if (disposals or messages) and self._events.debug:
            for disposal in disposals:
                envelope = disposal.message.envelope
                more = {"reason": disposal.reason} if isinstance(disposal, Bury) else {}
                self._events.say(DEBUG, _ENDS[type(disposal)], decision=envelope.token, **_where(envelope), **more)
            for message in messages:
                envelope = message.envelope
                fields = {**_where(envelope), "receives": message.receives}
                self._events.say(DEBUG, "claimed", decision=envelope.token, **fields)
        return messages

    def _gone(self, error: IntentUnavailableError) -> None:
        if not self._away:
            self._away = True
            self._events.say(WARNING, "intent_unavailable", error=str(error))

    def _back(self) -> None:
        if self._away:
            self._away = False
            self._events.say(WARNING, "intent_back")


def _where(envelope: Envelope) -> dict[str, object]:
    return {"stage": envelope.stage, "tenant": envelope.key.tenant, "item": envelope.key.item}
