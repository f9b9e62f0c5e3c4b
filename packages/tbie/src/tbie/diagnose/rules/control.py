"""Is the control plane there, does it see, and does each part of it get its turn? Readings → findings, pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tbie.core.finding import Evidence, Finding, State
from tbie.core.reading import Known
from tbie.diagnose.catalogue import found
from tbie.diagnose.heartbeats import RECONCILER, control_plane, number, told
from tbie.diagnose.readings import RECENT_MS
from tbie.diagnose.rules.gaps import unread
from tbie.diagnose.rules.intent import case
from tbie.diagnose.view import View
from tbie.refused import KEPT, STANDS_MS, read
from tbie.truth import Document, Heartbeat

INTERVALS = 3
"""Sweep intervals without a sweep: one may be late, two may be unlucky."""

CAMPAIGN_S = 60.0
"""How long a running campaign may go without a note of progress: it notes each page, and every wait."""


def control_plane_watched(view: View) -> Iterator[Finding]:
    """Silence and blindness. An idle home may be left alone; one with unsettled work needs its control plane."""
    beats = view.readings.control.heartbeats
    if not isinstance(beats, Known):
        return
    needed = view.unsettled is not False or view.readings.engine_expected or bool(running_campaigns(view))
    for finding in control_plane(beats.value, view.now_ms, view.silence_ms):
        if needed or finding.code != "control_plane_silent":
            yield finding


def two_reconcilers(view: View) -> Iterator[Finding]:
    """A reconciler that takes itself for the leader after another took the term; or one that was refused by its fence."""
    terms = view.readings.control.terms
    beats = [b for b in view.beats if b.component == RECONCILER and view.is_fresh(b)]
    leading = [b for b in beats if b.body.get("role") == "leader"]
    term = terms.value[0] if isinstance(terms, Known) and terms.value else None
    if term is not None:
        rivals = [b for b in leading if not _holds(term, b) and b.at_ms > term.updated_ms]
    else:
        rivals = [b for b in leading if b is not max(leading, key=lambda b: b.at_ms)]
    if rivals and len(leading) > len(rivals):
        yield found(
            "two_reconcilers",
            Evidence("leaders", [b.instance for b in leading], "heartbeats", max(b.at_ms for b in leading)),
            *(told(b, "epoch", b.body.get("epoch")) for b in leading),
            *([Evidence("holder", term.body.get("holder"), "truth", term.updated_ms)] if term is not None else []),
        )
        return
    for beat in view.beats:
        yield from _fenced(view, beat)


def _holds(term: Document, beat: Heartbeat) -> bool:
    """Whether *beat* is of the holder of *term*, who signs with its instance, alone or after its kind (``engine:7``)."""
    return str(term.body.get("holder")).rpartition(":")[2] == beat.instance.rpartition(":")[2]


def _fenced(view: View, beat: Heartbeat) -> Iterator[Finding]:
    at_ms = number(beat, "fenced_ms") if beat.component == RECONCILER else None
    if at_ms and 0 <= view.now_ms - at_ms <= RECENT_MS:
        yield found(
            "two_reconcilers",
            told(beat, "refused", beat.instance),
            Evidence("refused_ms", int(at_ms), f"heartbeat of {beat.component} {beat.instance}", int(at_ms)),
            state=State.REPAIRED,
        )


def stream_stalled(view: View) -> Iterator[Finding]:
    """Open stages that a reconciler which lives and sees has not come to, for longer than a sweep."""
    if view.leader is None or view.leader.body.get("blind"):
        return
    limit_ms = max(view.silence_ms, int(view.settings.sweep_interval_s * 1000))
    late = [
        gap
        for gap in view.gaps
        if unread(view, case(gap, view.now_ms)) and view.now_ms - gap.record.updated_ms > limit_ms
    ]
    if late:
        last = view.readings.control.last_seq
        yield found(
            "stream_stalled",
            view.read("unread", len(late), "truth"),
            view.read("oldest_s", (view.now_ms - min(gap.record.updated_ms for gap in late)) / 1000, "truth"),
            view.read("read_up_to", view.cursor, "heartbeats"),
            view.read("last_change", last.value if isinstance(last, Known) else None, "truth"),
            told(view.leader, "lag", view.leader.body.get("lag")),
        )


def sweep_starved(view: View) -> Iterator[Finding]:
    """The safety net has not run for some intervals although its reconciler lives."""
    if view.leader is None or view.leader.body.get("blind"):
        return  # a blind one says so itself, and a sweep that cannot see is no sweep
    if number(view.leader, "passes") == 0:
        return  # it is in its first pass, which is a sweep of everything, and it tells of itself between two pages only
    limit_ms = int(INTERVALS * view.settings.sweep_interval_s * 1000)
    undone = {**_barriers_not_lifted(view, limit_ms), **_deaths_not_recorded(view, limit_ms)}
    if undone:
        yield found("sweep_starved", *(view.read(name, value, "truth and queue") for name, value in undone.items()))
        return
    last = number(view.leader, "last_sweep_ms")
    oldest = _waits_for_a_sweep(view)
    if last is None or (not last and (oldest is None or oldest <= limit_ms)):
        return  # it does not say; or it has just begun
    if view.leader.at_ms - last > limit_ms:
        yield found(
            "sweep_starved",
            told(view.leader, "last_sweep_s", (view.leader.at_ms - last) / 1000 if last else None),
            view.read("sweep_interval_s", view.settings.sweep_interval_s, "settings"),
            view.read("waiting_for_it_s", None if oldest is None else oldest / 1000, "truth"),
        )


def _barriers_not_lifted(view: View, limit_ms: int) -> dict[str, object]:
    """How long somebody has waited at a barrier, where that is longer than its patience and some sweeps, seconds."""
    reading = view.readings.truth.barriers
    if not isinstance(reading, Known):
        return {}
    allowed_ms = int(view.settings.barrier_patience_s * 1000) + limit_ms
    waits = {name: view.now_ms - since for name, since in reading.value.items()}
    over = {name: waited / 1000 for name, waited in waits.items() if waited > allowed_ms}
    return {"waits_at_a_barrier_s": over} if over else {}


def _deaths_not_recorded(view: View, limit_ms: int) -> dict[str, object]:
    """Open rows whose message died some sweeps ago: their failure should be in Truth by now."""
    dead = {
        (letter.envelope.stage, letter.envelope.token)
        for reading in view.readings.intent.dead.values()
        if isinstance(reading, Known)
        for letter in reading.value
        if view.now_ms - letter.died_ms > limit_ms
    }
    rows = [[*row.key, row.stage] for row in view.rows if (row.stage, row.token) in dead]
    return {"dead_and_not_recorded": rows[:5]} if rows else {}


def _waits_for_a_sweep(view: View) -> int | None:
    """How long the oldest open stage without intent has stood, milliseconds."""
    return max((view.now_ms - gap.record.updated_ms for gap in view.gaps), default=None)


def running_campaigns(view: View) -> list[str]:
    """Names of campaigns that are meant to run."""
    reading = view.readings.control.campaigns
    if not isinstance(reading, Known):
        return []
    return [document.name for document in reading.value if document.body.get("state") == "running"]


def campaign_stalled(view: View) -> Iterator[Finding]:
    """Campaigns that are meant to run and have noted nothing for a while, or were paused because something is wrong."""
    reading = view.readings.control.campaigns
    if not isinstance(reading, Known):
        return
    running = [document for document in reading.value if document.body.get("state") == "running"]
    driven = any(view.now_ms - document.updated_ms <= CAMPAIGN_S * 1000 for document in running)
    for document in reading.value:
        quiet_s = (view.now_ms - document.updated_ms) / 1000
        state, problem = document.body.get("state"), document.body.get("problem")
        waits_its_turn = driven and document.body.get("waits") != "version"  # they are driven one after the other
        quiet = state == "running" and quiet_s > CAMPAIGN_S and not waits_its_turn
        if quiet or (state == "paused" and problem):
            names = ("state", "waits", "problem", "driver", "counts")
            yield found(
                "campaign_stalled",
                Evidence("campaign", document.name, "truth", document.updated_ms),
                Evidence("quiet_s", quiet_s, "truth", document.updated_ms),
                *(
                    Evidence(name, document.body[name], "truth", document.updated_ms)
                    for name in names
                    if document.body.get(name)
                ),
            )


REASONS = 20
"""Kinds of refusals that are counted one by one: a few stand for a wrong sender, all for somebody who tries things out."""


def events_refused(view: View) -> Iterator[Finding]:
    """What came from outside within the last day and nobody could do anything with."""
    reading = view.readings.control.refused
    if not isinstance(reading, Known):
        return
    told = [(document.name, read(document)) for document in reading.value]
    young = [(kept.at_ms, name, kept) for name, kept in told if view.now_ms - kept.at_ms < STANDS_MS]
    if not young:
        return
    at_ms, _, newest = max(young)
    reasons = Counter(f"{kept.component}:{kept.code}" for _, _, kept in young).most_common(REASONS)
    yield found(
        "events_refused",
        Evidence("refused", len(young), reading.source, reading.at_ms),
        Evidence("reasons", dict(reasons), reading.source, reading.at_ms),
        *([Evidence("kept_at_most", KEPT, reading.source, reading.at_ms)] if len(young) >= KEPT else []),
        Evidence("newest", f"{newest.component}:{newest.code}", reading.source, at_ms),
        Evidence("found", newest.evidence, reading.source, at_ms),
        Evidence("record", newest.record, reading.source, at_ms),
    )
