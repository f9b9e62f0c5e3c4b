"""Who holds what: in this process by heart, for every other in the register, so that the dead can be relieved of it.

One worker's hand is one item, written once in each exchange. A hand that lags (the process died in between) is harmless: what it
names is checked against the rows before anything is sent anew.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from tbie.backends.aws.copies import ForeignError, from_body, to_body
from tbie.backends.aws.register import Register
from tbie.backends.aws.sorting import Held, Receipt
from tbie.core.errors import IntentUnavailableError


class Hands:
    """What the workers of this process hold."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._of: dict[str, dict[str, Held]] = {}
        self._here: set[str] = set()
        self._unsaved: set[str] = set()
        self._rows: dict[str, int] = {}
        self._lock = threading.RLock()
        self._saving = threading.Lock()

    def claim(self, owner: str, held: Iterable[Held]) -> None:
        """*owner*, who lives in this process, has taken these."""
        with self._lock:
            self._here.add(owner)
            self.take(owner, held)

    def take(self, owner: str, held: Iterable[Held]) -> None:
        """*owner* holds these, as far as anybody knows."""
        with self._lock:
            mine = self._of.setdefault(owner, {})
            for each in held:
                mine[each.mid] = each
                self._unsaved.add(owner)

    def find(self, receipt: object) -> Held | None:
        """What *receipt* names, if its receive is the last one known here."""
        if not isinstance(receipt, Receipt):
            return None
        with self._lock:
            held = self._of.get(receipt.owner, {}).get(receipt.mid)
        return held if held is not None and held.handle == receipt.handle else None

    def prolong(self, owner: str, held: Held, until_ms: int) -> None:
        """Its lease ends then. Not written down: whoever relieves the dead goes by the queue."""
        with self._lock:
            if self._of.get(owner, {}).get(held.mid) == held:
                self._of[owner][held.mid] = held._replace(until_ms=until_ms)

    def drop(self, owner: str, mids: Iterable[str]) -> None:
        """*owner* holds these no more."""
        with self._lock:
            mine = self._of.get(owner, {})
            for mid in mids:
                if mine.pop(mid, None) is not None:
                    self._unsaved.add(owner)

    def drop_stage(self, stage: str) -> None:
        """Nobody here holds anything of *stage* any more."""
        with self._lock:
            for owner, mine in self._of.items():
                self.drop(owner, [mid for mid, held in mine.items() if held.copy.envelope.stage == stage])

    def all(self, now_ms: int) -> dict[str, Held]:
        """What is held here under a lease that goes on, by identifier of the message."""
        with self._lock:
            return {mid: h for mine in self._of.values() for mid, h in mine.items() if h.until_ms > now_ms}

    def of(self, owner: str) -> list[Held]:
        """What *owner* holds: by heart if it lives here, else as it was written down last."""
        with self._lock:
            if owner in self._here:
                return list(self._of[owner].values())
        return [held for packed in self._register.hand(owner) if (held := unpack(packed)) is not None]

    def save(self) -> None:
        """Write down what has changed. What cannot be written is tried again with the next exchange.

        Nobody who extends a lease waits for the table: it may take a minute to answer.
        """
        with self._saving:  # one after the other: what is written last is what was true last
            with self._lock:
                owners = list(self._unsaved)
            for owner in owners:
                with self._lock:
                    self._unsaved.discard(owner)
                    mine = list(self._of.get(owner, {}).values())
                until = max((held.until_ms for held in mine), default=0)
                try:
                    rows = self._register.save_hand(
                        owner, [pack(held) for held in mine], until, self._rows.get(owner, 1)
                    )
                    self._rows[owner] = rows
                except IntentUnavailableError:
                    with self._lock:
                        self._unsaved.add(owner)
                    return  # work goes on; if this worker dies, its leases end by themselves


def pack(held: Held) -> list[object]:
    """For the register."""
    return [held.copy.envelope.stage, to_body(held.copy), *held[1:]]


def unpack(packed: Any) -> Held | None:
    """What ``pack`` made; None if nobody here made it."""
    try:
        stage, body, mid, handle, receives, taken_ms, until_ms = packed
        copy = from_body(body, stage)
        return Held(copy, str(mid), str(handle), int(receives), int(taken_ms), int(until_ms))
    except (ValueError, TypeError, ForeignError):
        return None
