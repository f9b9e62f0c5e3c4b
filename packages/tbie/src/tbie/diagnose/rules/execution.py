"""Are there workers, are they what was declared, and do they take and finish work? Readings → findings, pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tbie.core.finding import Evidence, Finding, State
from tbie.core.reading import Known
from tbie.diagnose.catalogue import found
from tbie.diagnose.heartbeats import drifted
from tbie.diagnose.readings import RECENT_MS
from tbie.diagnose.rules.truth import NAMED
from tbie.diagnose.view import View
from tbie.truth import OpenStage

CRASHES = 2
"""Boot failures in a row that are a loop: one may be bad luck."""


def execution_drift(view: View) -> Iterator[Finding]:
    """Workers that decline work because they are not what was declared."""
    yield from drifted(view.beats, view.now_ms, view.silence_ms)


def worker_crash_loop(view: View) -> Iterator[Finding]:
    """Workers that die before they register."""
    if view.leader is None:
        return  # what a dead reconciler said of its fleet is history
    for pool in view.readings.workflow.pools:
        fleet = view.fleet(pool)
        if fleet is not None and fleet.value.boot_failures >= CRASHES:
            yield found(
                "worker_crash_loop",
                Evidence("pool", pool, fleet.source, fleet.at_ms),
                Evidence("boot_failures", fleet.value.boot_failures, fleet.source, fleet.at_ms),
                Evidence("last_words", fleet.value.last_boot_error, fleet.source, fleet.at_ms),
            )


def execution_stalled(view: View) -> Iterator[Finding]:
    """Workers that live and take nothing of what is visible; or messages held by workers that nobody hears any more."""
    for pool in view.readings.workflow.pools:
        stages = view.readings.workflow.in_pool(pool)
        patience_s = max(stage.max_run_s for stage in stages) + view.settings.boot_complete_margin_s
        work = visible(view, pool)
        staff = view.workers(pool)
        if staff and work is not None and work[1] > patience_s and all(b.body.get("state") == "idle" for b in staff):
            yield found(
                "execution_stalled",
                view.read("pool", pool, "workflow"),
                view.read("idle_workers", len(staff), "heartbeats"),
                view.read("visible", work[0], "queue"),
                view.read("oldest_visible_s", work[1], "queue"),
                view.read("patience_s", patience_s, "settings"),
            )
        held = _held(view, pool)
        heard_ms = view.last_heard_ms(pool)
        if held and not staff and heard_ms is not None and view.now_ms - heard_ms > patience_s * 1000:
            yield found(
                "execution_stalled",
                view.read("pool", pool, "workflow"),
                view.read("in_flight", held, "queue"),
                Evidence("last_heard_s", (view.now_ms - heard_ms) / 1000, "heartbeats", heard_ms),
                cause="Messages are held by workers that nobody hears any more; they come back when their leases end.",
            )


def visible(view: View, pool: str) -> tuple[int, float] | None:
    """How many messages of *pool* could be taken now, and how long the oldest has been there; None if none is known.

    The message whose turn is next may be young although others of its queue are old: turns go round between tenants.
    """
    names = [stage.name for stage in view.readings.workflow.in_pool(pool)]
    depths = [view.readings.intent.depths.get(name) for name in names]
    seen = [d.value for d in depths if isinstance(d, Known) and d.value.visible]
    if not seen:
        return None
    ages = [d.oldest_ms or 0 for d in seen]
    for name, reading in zip(names, depths, strict=True):
        if isinstance(reading, Known) and reading.value.visible == reading.value.live:  # nobody holds or delays one
            ages += [view.now_ms - due for row in view.rows if row.stage == name and (due := _due_ms(view, row))]
    return sum(d.visible for d in seen), max(ages) / 1000


def _due_ms(view: View, row: OpenStage) -> int:
    """Since when the live message of *row* could be taken; 0 if there is none, or nobody knows."""
    presence = view.presence(row)
    known = presence is not None and not presence.dead and presence.token == row.token and presence.sent_ms
    return max(known, row.not_before_ms) if known else 0


def _held(view: View, pool: str) -> int:
    depths = [view.readings.intent.depths.get(stage.name) for stage in view.readings.workflow.in_pool(pool)]
    return sum(d.value.in_flight for d in depths if isinstance(d, Known))


def class_paused(view: View) -> Iterator[Finding]:
    """Failure classes that are paused, as long as the class has open work."""
    reading = view.readings.control.pauses
    tally = view.readings.truth.tally
    if not isinstance(reading, Known):
        return
    for pause in reading.value:
        body = pause.body
        if body.get("healed"):
            continue  # a probe got through, and the class is being woken
        tenant, stage = body.get("tenant"), body.get("stage")
        open_work = (
            any(n and t == tenant and s == stage and not state.final for (t, s, state), n in tally.value.items())
            if isinstance(tally, Known)
            else True
        )
        if open_work:
            names = ("tenant", "stage", "reason", "trips", "since_ms", "until_ms", "probe")
            yield found(
                "class_paused",
                *(Evidence(name, body[name], "truth", pause.updated_ms) for name in names if name in body),
            )


def poison_item(view: View) -> Iterator[Finding]:
    """Items that are quarantined because they took their workers with them."""
    reading = view.readings.truth.failures
    if not isinstance(reading, Known) or not reading.value.quarantined:
        return
    rows = reading.value.quarantined
    key, stage, reason, evidence = rows[0]
    yield found(
        "poison_item",
        Evidence("quarantined", len(rows), reading.source, reading.at_ms),
        Evidence("items", [[*row[0], row[1]] for row in rows[:NAMED]], reading.source, reading.at_ms),
        Evidence("item", [*key, stage], reading.source, reading.at_ms),
        Evidence("reason", reason, reading.source, reading.at_ms),
        Evidence("crash", dict(evidence), reading.source, reading.at_ms),
    )


def worker_died(view: View) -> Iterator[Finding]:
    """Deaths of the last minutes, as the newest reconciler told. What was held went back, so it is mended."""
    for beat in view.beats:
        deaths = beat.body.get("deaths")
        if not isinstance(deaths, list):
            continue
        source = f"heartbeat of {beat.component} {beat.instance}"
        recent = [d for d in deaths if isinstance(d, Mapping) and _is_recent(view, d.get("at_ms"))]
        if recent:
            last = recent[-1]
            at_ms = last.get("at_ms")
            names = ("owner", "reason", "tenant", "item", "stage", "suspects")
            yield found(
                "worker_died",
                Evidence("deaths", len(recent), source, beat.at_ms),
                *(Evidence(name, last[name], source, at_ms) for name in names if last.get(name)),
                state=State.REPAIRED,
            )


def _is_recent(view: View, at_ms: object) -> bool:
    return isinstance(at_ms, int | float) and view.now_ms - at_ms <= RECENT_MS
