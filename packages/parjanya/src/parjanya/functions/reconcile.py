"""The function ``reconcile``: changes of open work, pushed by the stream of the table ``open``, become intents.

The stream stops at a record for as long as this function fails for it, and everything behind it waits; so a record that nobody
can read, or for which deciding itself fails, is told, kept in Truth and passed over, and only what may be better later is asked
for again. What was passed over is not lost: the sweep compares every open row anyway.

    a store is away ────────────────────────────▶ raise: AWS hands in the whole batch again
    time is running out ────────────────────────▶ the first record that was not looked at, in ``batchItemFailures``
    one record, unreadable or failing by itself ─▶ told, kept in Truth, passed over
    all of several fail in the same way ─────────▶ raise: that is this program's trouble and no record's
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from parjanya.functions.changes import Change, parse
from parjanya.functions.hostile import shown
from parjanya.functions.opening import Opening, seconds_left, teller
from parjanya.functions.telling import DURATION, EMITTED, REFUSED
from parjanya.profiles.function_stores import Stores
from tbie.core.errors import IntentUnavailableError, TruthUnavailableError
from tbie.core.refusal import Refusal
from tbie.reconciler.emit import Emitted
from tbie.reconciler.loop import Reconciler
from tbie.refused import keep

COMPONENT = "reconcile"
CHUNK = 100
"""Changes decided about at once: as many as one read of DynamoDB brings, and more than the mapping sends."""
RESERVE_S = 5.0
"""What is left of the time for telling, and for a call that hangs: no chunk begins after that."""
AWAY = (TruthUnavailableError, IntentUnavailableError)

Failures = dict[str, list[dict[str, str]]]


class _Taken:
    """What one call has done so far."""

    def __init__(self) -> None:
        self.emitted, self.blind = Emitted(), list[str]()
        self.refused: list[Refusal] = []
        self.left: str | None = None
        """The first change that nobody looked at."""
        self.unnoted: str | None = None
        """Why decisions are not in the ledger; the work is done all the same."""


def handle(event: object, context: object, stores: Stores) -> Failures:
    """Take what *event* holds.

    Raises:
        TruthUnavailableError, IntentUnavailableError: nothing of it counts as done.
    """
    began_s, tell = stores.clock.monotonic_s(), teller(stores, COMPONENT)
    until_s = began_s + seconds_left(context) - RESERVE_S
    found, taken = parse(event), _Taken()
    try:
        _take(stores, found.changes, until_s, taken)
    except AWAY as error:
        taken.blind.append(str(error))
        raise
    finally:
        refused = [*found.refused, *taken.refused]
        tell.refused(refused)
        took_s = stores.clock.monotonic_s() - began_s
        counts = ((EMITTED, taken.emitted.sent), (REFUSED, len(refused)), (DURATION, round(took_s, 6)))
        about = {"changes": len(found.changes), "passed": found.passed, "emitted": taken.emitted.to_json()}
        tell.passed("pass", counts, taken.blind, left=taken.left, unnoted=taken.unnoted, **about)
    keep(stores.truth, COMPONENT, refused, stores.clock.now_ms())
    return {"batchItemFailures": [] if taken.left is None else [{"itemIdentifier": taken.left}]}


def _take(stores: Stores, changes: Sequence[Change], until_s: float, taken: _Taken) -> None:
    control = stores.reconciler()
    for first in range(0, len(changes), CHUNK):
        if first and stores.clock.monotonic_s() >= until_s:
            taken.left = changes[first].sequence
            return
        chunk = changes[first : first + CHUNK]
        try:
            _absorb(control, chunk, taken)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the shard
            _one_by_one(control, chunk, error, taken)


def _absorb(control: Reconciler, changes: Sequence[Change], taken: _Taken) -> None:
    done = control.absorb([change.row for change in changes])
    taken.emitted.add(done.emitted)
    taken.blind += done.blind
    taken.unnoted = done.unnoted


def _one_by_one(control: Reconciler, changes: Sequence[Change], first: Exception, taken: _Taken) -> None:
    """Find the change that cannot be decided about; the others are not its fault.

    Raises:
        Exception: all of several fail alike.
    """
    failed: list[tuple[Change, Exception]] = []
    for change in changes:
        try:
            _absorb(control, [change], taken)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - it is told and kept
            failed.append((change, error))
    if len(changes) > 1 and len(failed) == len(changes) and {type(raised) for _, raised in failed} == {type(first)}:
        raise first
    for change, raised in failed:
        evidence = shown(f"{'/'.join(change.row.key)} {change.row.stage}: {type(raised).__name__}: {raised}")
        taken.refused.append(Refusal("undecidable", change.sequence, evidence))


def _open() -> Stores:
    from parjanya.profiles.functions import open_stores  # noqa: PLC0415 - imported where a function really runs

    return open_stores(os.environ)


_opened = Opening(COMPONENT, _open)


def handler(event: Any, context: Any) -> Failures:
    """What AWS calls."""
    return handle(event, context, _opened())
