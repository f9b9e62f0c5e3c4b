"""Does the queue hold what Truth wants done, once each, and with the right address? Readings → findings, pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tbie.core.finding import Evidence, Finding, State
from tbie.core.reading import Known
from tbie.diagnose.catalogue import found
from tbie.diagnose.heartbeats import number, told
from tbie.diagnose.readings import RECENT_MS
from tbie.diagnose.rules.gaps import Case, Fate, fates, unread
from tbie.diagnose.rules.truth import NAMED
from tbie.diagnose.view import Gap, View
from tbie.reconciler.ledger import SENDING

STORM_TIMES = 3
"""Sendings of one row's intent, within the last minutes and for no failure of its own, that are a storm: the first is
the stream's, a second may be a repair."""

SLACK = 20
"""Messages that a queue may hold beyond twice the open rows: results that were committed while it was counted."""


def missing(view: View) -> Iterator[Finding]:
    """Open stages without an intent, by what became of it. What the stream has still to read is late, not missing."""
    cases = [case(gap, view.now_ms) for gap in view.gaps]
    placed = view.readings.control.positions
    cases = [one for one in cases if (one.key, one.stage) in placed]  # of more than a few, the oldest were asked about
    yield from by_code(view, fates(view, [one for one in cases if not unread(view, one)]), State.STANDING)


def case(gap: Gap, now_ms: int) -> Case:
    """A gap of this moment as a case."""
    return Case(gap.row.key, gap.row.stage, gap.row.token, gap.row.since_ms, now_ms, gap.row.attempts)


def by_code(view: View, all_fates: Iterable[Fate], state: State) -> Iterator[Finding]:
    """One finding for each code among *all_fates*, with the oldest case as its example."""
    grouped: dict[str, list[Fate]] = {}
    for fate in all_fates:
        grouped.setdefault(fate.code, []).append(fate)
    for code, same in grouped.items():
        yield found(code, *_evidence(view, same), state=state, cause=_cause(same))


def _cause(same: list[Fate]) -> str | None:
    if all(fate.known for fate in same):
        return None
    return "The history of these intents is unknown: the ledger cannot be read, or does not reach back that far."


def _evidence(view: View, same: list[Fate]) -> Iterator[Evidence]:
    first = min(same, key=lambda fate: fate.case.opened_ms)
    at_ms = max(fate.case.missed_ms for fate in same)
    tenants = sorted({fate.case.key.tenant for fate in same})
    yield Evidence("without_intent", len(same), "truth and queue", at_ms)
    yield Evidence("stages", sorted({fate.case.stage for fate in same}), "truth", at_ms)
    yield Evidence("tenants", tenants[:NAMED], "truth", at_ms)
    yield Evidence("oldest_open_s", (at_ms - first.case.opened_ms) / 1000, "truth", at_ms)
    yield Evidence("item", [*first.case.key, first.case.stage], "truth", at_ms)
    if first.case.attempts is not None:
        yield Evidence("attempts", first.case.attempts, "truth", at_ms)
    if first.sent is not None:
        yield Evidence("decision", first.sent.token, "ledger", first.sent.first_ms)
        yield Evidence("sent_by", f"{first.sent.action}: {first.sent.reason}", "ledger", first.sent.first_ms)
        yield Evidence("sent_s_before", (at_ms - first.sent.first_ms) / 1000, "ledger", first.sent.first_ms)
        yield from _seen_alive(view, first)
    if first.code == "intent_expired":
        yield view.read("retention_s", view.settings.retention_s, "settings")
    if first.code in ("stream_gap", "undiscovered_tenant"):
        place = view.readings.control.positions.get((first.case.key, first.case.stage))
        yield view.read("position", place, "truth")
        yield view.read("read_up_to", view.cursor, "truth")


def _seen_alive(view: View, fate: Fate) -> Iterator[Evidence]:
    """When a sweep saw the message, and how often it had been received then."""
    entries = view.history.value.of.get(fate.case.key, ()) if view.history is not None else ()
    seen = [e for e in entries if e.reason == "intent_is_live" and fate.sent is not None and e.token == fate.sent.token]
    if seen:
        yield Evidence("receives_when_seen", seen[-1].evidence.get("receives"), "ledger", seen[-1].last_ms)


def misrouted_intent(view: View) -> Iterator[Finding]:
    """Messages whose address is not the one that Truth has."""
    wrong = []
    for row in view.rows:
        presence = view.presence(row)
        if presence is None or presence.address is None or presence.token != row.token:
            continue
        if presence.address != row.address:
            wrong.append((row, presence))
    if wrong:
        row, presence = wrong[0]
        yield found(
            "misrouted_intent",
            view.read("misrouted", len(wrong), "truth and queue"),
            view.read("item", [*row.key, row.stage], "truth"),
            view.read("address", list(row.address), "truth"),
            view.read("message_says", list(presence.address or ()), "queue"),
            view.read("receives", presence.receives, "queue"),
        )


def replay_storm(view: View) -> Iterator[Finding]:
    """More messages than open rows, messages that nobody decided about, or the same rows sent again and again."""
    evidence = [*_too_many(view), *_foreign(view), *_again_and_again(view)]
    if evidence:
        yield found("replay_storm", *evidence)


def _too_many(view: View) -> Iterator[Evidence]:
    for stage, reading in view.readings.intent.depths.items():
        pending = view.pending(stage)
        if not isinstance(reading, Known) or pending is None:
            continue
        waiting = reading.value.visible + reading.value.delayed  # what a worker holds may just have been committed
        if waiting > 2 * pending + SLACK:
            words = {"stage": stage, "messages": waiting, "open": pending}
            yield Evidence("more_messages_than_open_stages", words, reading.source, reading.at_ms)


def _foreign(view: View) -> Iterator[Evidence]:
    """Messages in the place of a row's own that the ledger does not know."""
    if view.history is None:
        return
    foreign = [
        gap
        for gap in view.gaps
        if gap.other is not None
        and (entries := view.history.value.of.get(gap.row.key))
        and any(entry.token == gap.row.token and entry.action in SENDING for entry in entries)
        and all(entry.token != gap.other.token for entry in entries)
    ]
    if foreign and foreign[0].other is not None:
        yield view.read("messages_that_nobody_decided", len(foreign), "queue and ledger")
        yield view.read("such_a_token", foreign[0].other.token, "queue")


def _again_and_again(view: View) -> Iterator[Evidence]:
    """Rows whose intent was sent for the reason that another message stood there, or was sent unchanged, many times."""
    if view.history is None:
        return
    # the stream reads an open row again whenever another stage of its item changes, and sends the same token again
    unchanged = STORM_TIMES + len(view.readings.workflow.stages)
    times: dict[tuple[object, str], int] = {}
    newest = 0
    for entry in view.history.value.recent:
        if view.now_ms - entry.last_ms > RECENT_MS or entry.action not in SENDING:
            continue
        if entry.reason == "stale_intent" or (entry.action == "emit" and entry.times >= unchanged):
            times[entry.key, entry.stage] = times.get((entry.key, entry.stage), 0) + entry.times
            newest = max(newest, entry.last_ms)
    stormy = {name: count for name, count in times.items() if count >= STORM_TIMES}
    pending = {(row.key, row.stage) for row in view.rows}
    if stormy and any(name in pending for name in stormy):
        yield Evidence("rows_sent_again", len(stormy), "ledger", newest)
        yield Evidence("most_often", max(stormy.values()), "ledger", newest)


def duplicate_delivery(view: View) -> Iterator[Finding]:
    """Workers whose results were refused a moment ago, because somebody else's stood."""
    for beat in view.beats:
        last, count = number(beat, "last_superseded_ms"), number(beat, "superseded")
        if last and count and 0 <= view.now_ms - last <= RECENT_MS:
            yield found(
                "duplicate_delivery",
                told(beat, "refused", int(count)),
                told(beat, "last_ms", int(last)),
                state=State.REPAIRED,
            )
