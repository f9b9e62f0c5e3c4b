"""What became of an intent that is not there: the same question for one that is missing and for one that was mended.

Callers: the rules of Intent (missing now) and of what was mended (missing until the reconciler sent it again). Pure.

    never sent, and the stream is past it ── all of a tenant, others served ──▶ undiscovered_tenant
                  │                      └─ else ──▶ stream_gap
    sent, longer ago than the retention ──▶ intent_expired
    sent, and messages of the same age are still there ──▶ intent_destroyed_early
    sent, and nothing of that age is left; or nobody knows ──▶ truth_without_intent
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tbie.core.keys import ItemKey
from tbie.core.reading import Known
from tbie.diagnose.readings import History
from tbie.diagnose.view import View
from tbie.reconciler.ledger import SENDING, LedgerEntry
from tbie.truth import StageState


class Case(NamedTuple):
    """One intent that is, or was, missing."""

    key: ItemKey
    stage: str
    token: str
    """Of the row while its intent was missing; empty if that is not known any more."""
    opened_ms: int
    missed_ms: int
    """When it was seen to be missing."""
    attempts: int | None = None


class Fate(NamedTuple):
    """What became of one of them."""

    code: str
    case: Case
    sent: LedgerEntry | None = None
    """The decision that sent it."""
    known: bool = True
    """Whether its history is known."""


def unread(view: View, case: Case) -> bool:
    """Whether the stream has still to read the change that opened it: then it is late, not lost."""
    place = view.readings.control.positions.get((case.key, case.stage))
    return place is not None and view.cursor is not None and place > view.cursor


def fates(view: View, cases: list[Case]) -> list[Fate]:
    """What became of each of *cases*, which were missing at about the same time."""
    first = [_fate(view, case) for case in cases]
    first = [f._replace(code=_undiscovered(view, f)) if f.code == "stream_gap" else f for f in first]
    lost = [f for f in first if f.code == "truth_without_intent" and f.sent is not None]
    early = _destroyed_early(view, lost)
    return [f._replace(code="intent_destroyed_early") if f in early else f for f in first]


def _fate(view: View, case: Case) -> Fate:
    retention_ms = view.settings.retention_s * 1000
    history = view.history.value if view.history is not None else None
    sent = _sent(history, case)
    if sent is not None:
        if case.missed_ms - sent.first_ms >= retention_ms:
            return Fate("intent_expired", case, sent)
        return Fate("truth_without_intent", case, sent)
    if case.missed_ms - case.opened_ms >= retention_ms:
        return Fate("intent_expired", case, None, known=False)
    if history is None or (history.younger_than_work and case.opened_ms < history.begins_ms):
        return Fate("truth_without_intent", case, None, known=False)
    if case.key not in history.of:  # one of the many that were not asked about
        return Fate("truth_without_intent", case, None, known=False)
    return Fate("stream_gap", case, None)


def _sent(history: History | None, case: Case) -> LedgerEntry | None:
    """The newest decision that sent the intent of *case*, before it was missed."""
    if history is None:
        return None
    mine = [
        entry
        for entry in history.of.get(case.key, ())
        if entry.stage == case.stage and entry.action in SENDING and entry.first_ms < case.missed_ms
    ]
    mine = [entry for entry in mine if entry.token == case.token or entry.last_ms >= case.opened_ms]
    return mine[-1] if mine else None


def _undiscovered(view: View, fate: Fate) -> str:
    """A tenant for which nothing was ever sent before, while others were served. A sweep that looked too early is no service."""
    tenant, history = fate.case.key.tenant, view.history
    tally = view.readings.truth.tally
    if history is None or not isinstance(tally, Known):
        return fate.code
    before = [entry for entry in history.value.recent if entry.first_ms < fate.case.missed_ms]
    served = {entry.key.tenant for entry in before if entry.action in SENDING}
    served |= {
        name for (name, _, state), n in tally.value.items() if n and state is StageState.COMPLETED and name != tenant
    }
    sent = any(entry.key.tenant == tenant and entry.action in SENDING for entry in before)
    return "undiscovered_tenant" if served - {tenant} and not sent else fate.code


def _destroyed_early(view: View, lost: list[Fate]) -> list[Fate]:
    """Those of *lost* for which messages that were sent no later are still there, or lived to see their outcome."""
    found = []
    for stage in dict.fromkeys(fate.case.stage for fate in lost):
        mine = [fate for fate in lost if fate.case.stage == stage]
        missing = {fate.case.key for fate in mine}
        there = [*survivors(view, stage, missing), *_lived(view, min(fate.case.missed_ms for fate in mine))]
        own = [sent_ms for name, sent_ms in there if name == stage]
        others = [sent_ms for _, sent_ms in there] if len(mine) == 1 else own  # a whole stage may be purged alone
        newest = max(fate.sent.first_ms for fate in mine if fate.sent is not None)
        if any(sent_ms <= newest + view.reaction_ms for sent_ms in (own or others)):
            found += mine
    return found


def _lived(view: View, missed_ms: int) -> list[tuple[str, int]]:
    """Stage and time of sending of messages that were there when others were missed: their outcome came after it."""
    if view.history is None:
        return []
    return [(one.stage, one.sent_ms) for one in view.history.value.lived if one.settled_ms >= missed_ms]


def survivors(view: View, stage: str, missing: Iterable[ItemKey]) -> list[tuple[str, int]]:
    """Stage and time of sending of messages that are there now, apart from those of *missing* items in *stage*."""
    gone = set(missing)
    return [
        (row.stage, presence.sent_ms)
        for row in view.rows
        if not (row.stage == stage and row.key in gone)
        and (presence := view.presence(row)) is not None
        and not presence.dead
        and presence.token == row.token
        and presence.sent_ms
    ]
