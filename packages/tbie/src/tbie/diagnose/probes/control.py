"""Readings of the control plane: heartbeats, positions in the change stream, decisions, documents. Never raises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from tbie.core.clock import Clock
from tbie.core.keys import ItemKey
from tbie.core.reading import Known, Reading
from tbie.core.settings import Settings
from tbie.diagnose.heartbeats import RECONCILER, position
from tbie.diagnose.probes.attempt import attempt
from tbie.diagnose.readings import NOT_ASKED, PUT_RIGHT, RECENT_MS, ControlReadings, History, Lived, PutRight
from tbie.reconciler.ledger import SENDING, Ledger, LedgerEntry
from tbie.refused import REFUSED
from tbie.truth import Document, Heartbeat, OpenStage, TruthStore

DECISIONS = 1_000
"""Decisions read, the newest first: a few minutes of a busy instance."""
QUESTIONED = 50
"""Items whose every decision is read: enough to classify what happened to the many."""
UNREAD = 100
"""Changes after the position that are looked at: the oldest of them say how long the stream has stood."""
SETTLED = 20
"""Items looked at to see whether work is older than the ledger."""


def documents(truth: TruthStore, kind: str, clock: Clock) -> Reading[tuple[Document, ...]]:
    """Every document of *kind*."""
    return attempt("truth", clock, lambda: tuple(truth.documents(kind)))


def control(
    truth: TruthStore,
    ledger: Ledger | None,
    clock: Clock,
    settings: Settings,
    beats: Reading[tuple[Heartbeat, ...]],
    without: Sequence[OpenStage],
) -> ControlReadings:
    """Everything about the control plane; *without* are open stages for which no intent was seen."""
    cursor = attempt("truth", clock, partial(truth.cursor, RECONCILER))
    place = position(beats, cursor)

    def unread() -> tuple[OpenStage, ...]:
        return tuple(truth.opened_since(place or 0, UNREAD)[0])

    last = attempt("truth", clock, truth.last_seq)
    ahead = attempt("truth", clock, unread) if place is not None else NOT_ASKED
    positions = _positions(truth, without[:QUESTIONED], clock)
    if place is not None and isinstance(last, Known) and any(seq > last.value for seq in positions.values()):
        newest = attempt(
            "truth", clock, truth.last_seq
        )  # what was changed meanwhile is ahead, and has a number of the stream
        if isinstance(newest, Known):
            seen = ahead.value if isinstance(ahead, Known) else None
            positions = _in_the_stream(positions, place, newest.value, seen)
    return ControlReadings(
        beats,
        cursor,
        last,
        ahead,
        positions,
        _history(truth, ledger, clock, settings, [row.key for row in without]),
        documents(truth, "pause", clock),
        documents(truth, "campaign", clock),
        documents(truth, "term", clock),
        documents(truth, REFUSED, clock),
    )


def _positions(truth: TruthStore, rows: Iterable[OpenStage], clock: Clock) -> Mapping[tuple[ItemKey, str], int]:
    places: dict[tuple[ItemKey, str], int] = {}
    for row in rows:
        entries = attempt("truth", clock, partial(truth.history, row.key))
        if isinstance(entries, Known):
            seqs = [entry.seq for entry in entries.value if row.stage in entry.after]
            if seqs:
                places[row.key, row.stage] = seqs[-1]
    return places


def _in_the_stream(
    positions: Mapping[tuple[ItemKey, str], int], place: int, last: int, ahead: Sequence[OpenStage] | None
) -> Mapping[tuple[ItemKey, str], int]:
    """*positions* as numbers of the stream, of which *place* was read and *last* is the newest.

    Where changes are numbered by a clock those are other numbers, above any of the stream. What then says that a change was not
    read yet is that it is among those *ahead*; None or a full page of those: it may be further ahead.
    """
    rest = ahead is None or len(ahead) >= UNREAD
    unread = {(row.key, row.stage) for row in ahead or ()}
    return {
        name: seq if seq <= last else place + 1 if rest or name in unread else place for name, seq in positions.items()
    }


def _history(
    truth: TruthStore, ledger: Ledger | None, clock: Clock, settings: Settings, questioned: Sequence[ItemKey]
) -> Reading[History]:
    if ledger is None:
        return NOT_ASKED

    def read() -> History:
        since = clock.now_ms() - RECENT_MS
        recent = ledger.recent(DECISIONS)
        if len(recent) >= DECISIONS and _mended_before(ledger, recent, since):
            recent = ledger.recent(settings.ledger_rows)
        mended = [e.key for e in recent if e.last_ms >= since and e.action in ("supersede", "exhaust")]
        keys = list(dict.fromkeys([*questioned[:QUESTIONED], *mended]))[: 2 * QUESTIONED]
        of = {key: tuple(ledger.of(key)) for key in keys}
        whole: Sequence[LedgerEntry] = recent
        if len(recent) >= DECISIONS and any(len(of[key]) < 2 for key in keys):
            whole = ledger.recent(settings.ledger_rows)  # only now does it matter how far back it reaches
        begins = min((entry.first_ms for entry in whole), default=clock.now_ms())
        lived, right = _lived(truth, recent), _put_right(truth, recent, since)
        return History(tuple(recent), of, begins, _settled_before(truth, begins), lived, right)

    return attempt("ledger", clock, read)


def _mended_before(ledger: Ledger, recent: Sequence[LedgerEntry], since_ms: int) -> bool:
    """Whether something was mended within the last minutes that *recent* does not reach back to."""
    mended = any(action == "supersede" for action, _ in ledger.counts(since_ms))
    return mended and not any(entry.action == "supersede" for entry in recent)


def _lived(truth: TruthStore, recent: Sequence[LedgerEntry]) -> tuple[Lived, ...]:
    """Which of the intents that were sent around a repair were not lost: they lived to see their outcome."""
    repairs = [e.first_ms for e in recent if e.action == "supersede"]
    if not repairs:
        return ()
    sent = [e for e in recent if e.action in SENDING and e.first_ms < max(repairs)][:QUESTIONED]
    items = {item.key: item for item in truth.get([e.key for e in sent]) if item is not None}
    found = []
    for entry in sent:
        record = items[entry.key].stages.get(entry.stage) if entry.key in items else None
        if record is not None and record.token == entry.token and record.state.final:
            found.append(Lived(entry.stage, entry.first_ms, record.updated_ms))
    return tuple(found)


def _put_right(truth: TruthStore, recent: Sequence[LedgerEntry], since_ms: int) -> tuple[PutRight, ...]:
    """What workers put right. Each has a second intent within minutes: only such items are looked up."""
    sent = Counter((e.key, e.stage) for e in recent if e.action in SENDING and e.first_ms >= since_ms)
    keys = list(dict.fromkeys(key for (key, _), times in sent.items() if times > 1))[:QUESTIONED]
    found = [
        PutRight(key, stage, entry.cause.why, entry.cause.who, entry.at_ms)
        for key in keys
        for entry in truth.history(key)
        if entry.cause.why in PUT_RIGHT and entry.at_ms >= since_ms
        for stage in [next(iter(entry.after))]
    ]
    return tuple(sorted(found, key=lambda one: one.at_ms))


def _settled_before(truth: TruthStore, at_ms: int) -> bool:
    return any(
        record.state.final and record.updated_ms < at_ms
        for item in truth.items(limit=SETTLED)
        for record in item.stages.values()
    )
