"""Intent in memory: the reference model of queues, leases, turns and dead letters."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tbie.core.clock import Clock
from tbie.core.keys import ItemKey
from tbie.core.outcome import Facts
from tbie.core.reading import Depth, Known, Reading
from tbie.intent import Bury, Claim, DeadLetter, Defer, Delete, Disposal, Envelope, Hold, Message, Presence, Release


@dataclass(slots=True)
class Stored:
    """One message."""

    envelope: Envelope
    rank: int
    sent_ms: int
    visible_ms: int
    receives: int = 0
    receipt: int = 0
    owner: str | None = None


class MemoryIntent:
    """An ``IntentQueue`` in dictionaries, guarded by one lock."""

    def __init__(self, clock: Clock, retention_s: float) -> None:
        self._clock, self._retention_ms = clock, int(retention_s * 1000)
        self._lock = threading.RLock()
        self._receipts = itertools.count(1)
        self._clear()

    def _clear(self) -> None:
        self._messages: dict[tuple[str, ItemKey], Stored] = {}
        self._dead: dict[tuple[str, ItemKey], DeadLetter] = {}
        self._turns: dict[tuple[str, str], int] = {}
        self._present: dict[str, int] = {}

    def lose_everything(self) -> None:
        """What deleting the queue's file does: for tests and drills."""
        with self._lock:
            self._clear()

    def send(self, envelopes: Sequence[Envelope]) -> int:
        with self._lock:
            return sum(self._send(envelope) for envelope in envelopes)

    def _send(self, envelope: Envelope) -> bool:
        name, now = (envelope.stage, envelope.key), self._clock.now_ms()
        old, dead = self._messages.get(name), self._dead.get(name)
        if envelope.token in {found.envelope.token for found in (old, dead) if found is not None}:
            return False
        visible = envelope.not_before_ms if envelope.not_before_ms > now else 0
        rank = old.rank if old is not None else self._next_turn(envelope.stage, envelope.key.tenant)
        self._messages[name] = Stored(envelope, rank, now, visible)
        return True

    def _next_turn(self, stage: str, tenant: str) -> int:
        rank = max(self._turns.get((stage, tenant), 0), self._present.get(stage, 0)) + 1
        self._turns[stage, tenant] = rank
        return rank

    def exchange(self, disposals: Sequence[Disposal], claims: Sequence[Claim]) -> list[Message]:
        with self._lock:
            for disposal in disposals:
                self._dispose(disposal)
            for claim in claims:
                messages = self._claim(claim)
                if messages:
                    return messages
            return []

    def _dispose(self, disposal: Disposal) -> None:
        message = disposal.message
        name = (message.envelope.stage, message.envelope.key)
        stored = self._messages.get(name)
        if stored is None or stored.receipt != message.receipt:
            return
        match disposal:
            case Delete():
                del self._messages[name]
            case Defer(until_ms=until):
                self._give_back(stored, until if until > self._clock.now_ms() else 0)
            case Bury(reason=reason, evidence=evidence):
                self._bury(stored, reason, evidence)
            case Release():
                self._give_back(stored, 0)
                stored.receives -= 1
            case Hold(until_ms=until):
                self._give_back(stored, until if until > self._clock.now_ms() else 0)
                stored.receives -= 1

    @staticmethod
    def _give_back(stored: Stored, visible_ms: int) -> None:
        """Nobody holds it any more: its receipt is void, so that a late settlement changes nothing."""
        stored.visible_ms, stored.owner, stored.receipt = visible_ms, None, 0

    def _bury(self, stored: Stored, reason: str, evidence: Facts) -> None:
        name = (stored.envelope.stage, stored.envelope.key)
        self._dead[name] = DeadLetter(stored.envelope, stored.receives, self._clock.now_ms(), reason, dict(evidence))
        self._messages.pop(name, None)

    def _claim(self, claim: Claim) -> list[Message]:
        now = self._clock.now_ms()
        ready = [m for m in self._messages.values() if m.envelope.stage == claim.stage and m.visible_ms <= now]
        ready.sort(key=lambda m: m.rank)
        messages, receipt = [], next(self._receipts)
        for stored in ready[: claim.limit]:
            # a message that comes back has an early turn: the present does not go back with it
            self._present[claim.stage] = max(self._present.get(claim.stage, 0), stored.rank)
            if stored.receives >= claim.max_receives:
                self._bury(stored, "receives_exhausted", {"receives": stored.receives})
                continue
            stored.receives += 1
            stored.visible_ms, stored.owner, stored.receipt = now + int(claim.lease_s * 1000), claim.owner, receipt
            messages.append(Message(stored.envelope, receipt, stored.receives, stored.sent_ms))
        return messages

    def extend(self, messages: Sequence[Message], lease_s: float) -> int:
        with self._lock:
            held = 0
            for message in messages:
                stored = self._messages.get((message.envelope.stage, message.envelope.key))
                if stored is not None and stored.receipt == message.receipt and stored.owner is not None:
                    stored.visible_ms = self._clock.now_ms() + int(lease_s * 1000)
                    held += 1
            return held

    def release_owner(self, owner: str, except_tokens: tuple[str, ...] = ()) -> list[Message]:
        with self._lock:
            released = [m for m in self._messages.values() if m.owner == owner]
            messages = [Message(m.envelope, m.receipt, m.receives, m.sent_ms) for m in released]
            for stored in released:
                if stored.envelope.token not in except_tokens:
                    self._give_back(stored, 0)
                    stored.receives -= 1
            return messages

    def presence(self, stage: str, keys: Sequence[ItemKey]) -> Reading[Mapping[ItemKey, Presence]]:
        with self._lock:
            found: dict[ItemKey, Presence] = {}
            for key in keys:
                live, dead = self._messages.get((stage, key)), self._dead.get((stage, key))
                if live is not None:
                    where = live.envelope.address
                    found[key] = Presence(live.envelope.token, False, live.receives, None, where, live.sent_ms)
                elif dead is not None:
                    evidence = {"reason": dead.reason, **dead.evidence}
                    where = dead.envelope.address
                    found[key] = Presence(dead.envelope.token, True, dead.receives, evidence, where)
            return Known(found, "memory", self._clock.now_ms())

    def depth(self, stage: str) -> Reading[Depth]:
        with self._lock:
            now = self._clock.now_ms()
            visible = in_flight = delayed = 0
            first: Stored | None = None
            for message in self._messages.values():
                if message.envelope.stage != stage:
                    continue
                if message.visible_ms <= now:
                    visible += 1
                    first = message if first is None or message.rank < first.rank else first
                elif message.owner is not None:
                    in_flight += 1
                else:
                    delayed += 1
            dead = sum(name[0] == stage for name in self._dead) if self._dead else 0
            oldest = None if first is None else now - max(first.sent_ms, first.visible_ms)
            depth = Depth(visible, in_flight, delayed, dead, oldest)
            return Known(depth, "memory", now)

    def dead_letters(self, stage: str, limit: int = 100) -> list[DeadLetter]:
        with self._lock:
            found = [letter for name, letter in self._dead.items() if name[0] == stage]
            return sorted(found, key=lambda letter: -letter.died_ms)[:limit]

    def expire(self) -> int:
        with self._lock:
            limit = self._clock.now_ms() - self._retention_ms
            old = [name for name, m in self._messages.items() if m.sent_ms <= limit]
            for name in old:
                del self._messages[name]
            self._dead = {name: letter for name, letter in self._dead.items() if letter.died_ms > limit}
            return len(old)

    def purge(self, stage: str | None = None) -> int:
        with self._lock:
            gone = [name for name in self._messages if stage is None or name[0] == stage]
            for name in gone:
                del self._messages[name]
            self._dead = {n: letter for n, letter in self._dead.items() if stage is not None and n[0] != stage}
            return len(gone)

    def everything(self) -> dict[tuple[str, ItemKey], Stored]:
        """The messages themselves, by (stage, item): for simulations, which look at them and do them harm."""
        return self._messages

    def close(self) -> None:
        """Nothing to let go of."""
